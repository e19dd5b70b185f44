import type { ServedJob } from '#libs/inference';
import type { JobMessage } from '#libs/jobs';

/** A job that this worker has taken from its queue. */
export interface WorkerJob extends ServedJob {
  model: string;
  message: JobMessage;
  /** When BullMQ gave it, ms since the epoch. */
  takenAt: number;
}

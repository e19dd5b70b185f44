import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { WebhookEvent } from '#libs/contracts';
import type { Keys } from './keys.js';

/** What the BullMQ job carries: enough to form a batch. The input stays in the record. */
export interface JobMessage {
  version: string;
  /** Instances, that is rows of a batch. */
  count: number;
  /** Size of the input. */
  bytes: number;
  createdAt: number;
  resultTtlS: number;
  requestId: string;
  /** Events to call back for; absent where nobody asked. */
  webhook?: WebhookEvent[] | undefined;
}

/** Finished BullMQ jobs that stay to be seen in Bull Board. The records, not these, hold results. */
const KEEP_FINISHED = 200;

/** A job's BullMQ options: its own id, so that an `add` sent twice makes one job. */
function jobOptions(jobId: string): JobsOptions {
  return {
    jobId,
    removeOnComplete: { count: KEEP_FINISHED },
    removeOnFail: { count: KEEP_FINISHED },
  };
}

/** The queue of every model, opened when first asked for. */
export class PredictQueues {
  private readonly queues = new Map<string, Queue<JobMessage>>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly onError: (error: Error) => void,
  ) {}

  async add(model: string, jobs: readonly { id: string; message: JobMessage }[]): Promise<void> {
    await this.of(model).addBulk(
      jobs.map(({ id, message }) => ({
        name: message.version,
        data: message,
        opts: jobOptions(id),
      })),
    );
  }

  of(model: string): Queue<JobMessage> {
    let queue = this.queues.get(model);
    if (!queue) {
      queue = new Queue<JobMessage>(this.keys.queueName(model), {
        connection: this.redis,
        prefix: this.keys.queuePrefix(model),
        // The connection was checked at start. BullMQ's own check, once failed, would fail for good.
        skipVersionCheck: true,
        streams: { events: { maxLen: 1000 } },
      });
      queue.on('error', this.onError);
      this.queues.set(model, queue);
    }
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }
}

import { Injectable, Logger } from '@nestjs/common';
import { JobStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { JobExits } from './job.exits.js';
import type { WorkerJob } from './worker-job.js';

/**
 * Tells what has been computed so far of jobs that take several slices. Nobody waits for it: of a job one
 * part is under way at a time, and what is computed meanwhile makes the next one.
 */
@Injectable()
export class ProgressWriter {
  private readonly trouble = new LastingTrouble(new Logger('Batch'));
  private readonly underWay = new Set<WorkerJob>();

  constructor(
    private readonly store: JobStore,
    private readonly exits: JobExits,
  ) {}

  /** @param job that has been begun, and of which more is known than before. */
  tell(job: WorkerJob): void {
    if (this.underWay.has(job)) return;
    this.underWay.add(job);
    void this.write(job)
      .catch((err: unknown) => {
        // It is part of the next one, or of the end.
        this.trouble.met(err, 'progress not written');
      })
      .finally(() => this.underWay.delete(job));
  }

  private async write(job: WorkerJob): Promise<void> {
    // The last part is the end's.
    while (!job.isOver && !job.isComplete) {
      const { fence, outputs } = job;
      const part = outputs.next;
      if (!part) return;
      const written = await this.store.progress(job.model, { id: job.id, fence, ...part });
      // It may itself have begun the job anew meanwhile, and then everything is told anew.
      await job.starting;
      if (job.fence !== fence) continue;
      if (written) outputs.wasTold(part);
      else await this.exits.refused([job]);
    }
  }
}

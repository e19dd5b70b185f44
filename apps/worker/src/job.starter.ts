import { Injectable, Logger } from '@nestjs/common';
import { JobStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { JobExits } from './job.exits.js';
import { untilDone } from './until-done.js';
import type { WorkerJob } from './worker-job.js';

/** Writes down that jobs start, as soon as Redis takes it: what is in hand would be taken for suspect elsewhere. */
@Injectable()
export class JobStarter {
  private readonly trouble = new LastingTrouble(new Logger('Batch'), 'error');

  constructor(
    private readonly store: JobStore,
    private readonly exits: JobExits,
  ) {}

  /** Those whose start is written down, or about to be, are left out. All must be of one model. */
  start(jobs: readonly WorkerJob[], lone = false): void {
    const fresh = jobs.filter(({ starting, isOver }) => !starting && !isOver);
    if (fresh.length === 0) return;
    const starting = this.begin(fresh, lone);
    for (const job of fresh) job.starting = starting;
  }

  /** Resolves when each that was started has a fence, or is over. */
  async settled(jobs: readonly WorkerJob[]): Promise<void> {
    for (const { starting } of jobs) if (starting) await starting;
  }

  /** Starts them, and waits for it. */
  async begun(jobs: readonly WorkerJob[], lone = false): Promise<void> {
    this.start(jobs, lone);
    await this.settled(jobs);
  }

  private async begin(jobs: readonly WorkerJob[], lone: boolean): Promise<void> {
    const withInput = jobs.some((job) => !job.hasInput);
    const model = jobs[0]?.model ?? '';
    const ids = jobs.map(({ id }) => id);
    const answers = await untilDone(
      () => this.store.begin(model, ids, { lone, withInput }),
      (err) => {
        this.trouble.met(err, 'starts not written down yet');
      },
    );
    jobs.forEach((job, i) => {
      const answer = answers[i];
      if (answer && 'fence' in answer) job.begun(answer);
      else this.exits.leave(job, answer?.status ?? null);
    });
  }
}

import { Injectable } from '@nestjs/common';
import { JobStore } from '#libs/jobs';
import { JobExits } from './job.exits.js';
import type { WorkerJob } from './worker-job.js';

/** Writes down that jobs start. */
@Injectable()
export class JobStarter {
  constructor(
    private readonly store: JobStore,
    private readonly exits: JobExits,
  ) {}

  /** Those whose start is written down, or about to be, are left out. All must be of one model. */
  start(jobs: readonly WorkerJob[], lone = false): void {
    const fresh = jobs.filter(({ starting, isOver }) => !starting && !isOver);
    if (fresh.length === 0) return;
    const starting = this.begin(fresh, lone);
    // Whoever awaits it hears of a failure; until then it is no error.
    starting.catch(() => undefined);
    for (const job of fresh) job.starting = starting;
  }

  /** Resolves when each that was started has a fence, or is over. @throws what Redis threw. */
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
    const answers = await this.store.begin(
      jobs[0]?.model ?? '',
      jobs.map(({ id }) => id),
      { lone, withInput },
    );
    jobs.forEach((job, i) => {
      const answer = answers[i];
      if (answer && 'fence' in answer) job.begun(answer);
      else this.exits.leave(job, answer?.status ?? null);
    });
  }
}

import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import type { JobProblem } from '#libs/contracts';
import { JobStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { type End, JobExits, labelsOf, lineOf } from './job.exits.js';
import { tellOutcome } from './job.spans.js';
import { JobStarter } from './job.starter.js';
import { retryDelayMs } from './retry-delay.js';
import { untilDone } from './until-done.js';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

interface Failure {
  job: WorkerJob;
  error: JobProblem;
}

/** Gives jobs another attempt whose failure may pass. */
@Injectable()
export class JobRetries {
  private readonly logger = new Logger('Batch');
  private readonly trouble = new LastingTrouble(this.logger, 'error');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly store: JobStore,
    private readonly starter: JobStarter,
    private readonly exits: JobExits,
    private readonly metrics: WorkerMetrics,
  ) {}

  isWorthwhile({ job, result }: End): boolean {
    return result.error?.retryable === true && job.attempt < this.config.jobs.MAX_ATTEMPTS;
  }

  /**
   * All must be of one model. Afterwards they are over here, and come again after a while.
   * @returns those whose last attempt it was after all, as their records know of more than their messages.
   */
  async tryAgain(ends: readonly End[]): Promise<End[]> {
    await this.starter.begun(ends.map(({ job }) => job));
    const open = ends.filter(({ job }) => !job.isOver);
    const last = open.filter((end) => !this.isWorthwhile(end));
    const failures = open
      .filter((end) => !last.includes(end))
      .flatMap(({ job, result: { error } }) => (error ? [{ job, error }] : []));
    await this.giveBack(failures);
    return last;
  }

  private async giveBack(failures: readonly Failure[]): Promise<void> {
    const [first] = failures;
    if (!first) return;
    const accepted = await untilDone(
      () =>
        this.store.tryAgain(
          first.job.model,
          failures.map(({ job, error }) => ({ id: job.id, fence: job.fence, error })),
        ),
      (err) => {
        this.trouble.met(err, 'failed attempts not written down yet');
      },
    );
    for (const failure of failures.filter((_, i) => accepted[i])) this.return(failure);
    await this.settle(failures.filter((_, i) => !accepted[i]));
  }

  /** An answer may have been lost, and the question sent again: what is queued has to be in the queue. */
  private async settle(failures: readonly Failure[]): Promise<void> {
    const records = await this.store.findMany(failures.map(({ job }) => job.id));
    const isQueued = (_: Failure, i: number): boolean => records[i]?.status === 'queued';
    for (const failure of failures.filter(isQueued)) this.return(failure);
    const others = failures.filter(({ job }) => !job.isOver);
    if (others.length > 0) await this.exits.refused(others.map(({ job }) => job));
  }

  private return({ job, error }: Failure): void {
    const delayMs = retryDelayMs(job.attempt, this.config.jobs.RETRY_FIRST_DELAY_MS);
    const { code } = error;
    this.metrics.retried(labelsOf(job), code);
    tellOutcome(job, 'to-be-tried-again', code);
    const line = { ...lineOf(job), code, attempt: job.attempt, delay_ms: delayMs };
    this.logger.warn(line, 'attempt failed, to be tried again');
    job.tryAgain(delayMs);
  }
}

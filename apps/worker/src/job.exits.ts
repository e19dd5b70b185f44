import { Injectable, Logger } from '@nestjs/common';
import type { JobStatus } from '#libs/contracts';
import { type JobResult, JobStore } from '#libs/jobs';
import { JobObserver } from './job.observer.js';
import { tellOutcome } from './job.spans.js';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

export interface End {
  job: WorkerJob;
  result: JobResult;
}

/** How jobs that have ended leave this worker. */
@Injectable()
export class JobExits {
  private readonly logger = new Logger('Batch');

  constructor(
    private readonly store: JobStore,
    private readonly metrics: WorkerMetrics,
    private readonly observer: JobObserver,
  ) {}

  /** Ends that this worker has published. */
  published(ends: readonly End[]): void {
    this.count(ends);
    for (const { job, result } of ends) {
      this.tell(job, result);
      job.ended();
    }
    // Nothing was computed of the others.
    this.observer.published(ends.filter(({ result }) => !result.cached));
  }

  /** Jobs that this worker has found late. */
  expired(jobs: readonly WorkerJob[]): void {
    for (const job of jobs) {
      this.metrics.ended(labelsOf(job), 'expired');
      tellOutcome(job, 'expired');
      this.logger.warn(lineOf(job), 'job expired');
      job.ended();
    }
  }

  /** A job that ended otherwise than by a result of this worker's. @param status null where there is no record. */
  leave(job: WorkerJob, status: JobStatus | null): void {
    if (!job.isOver) tellOutcome(job, status ?? 'gone');
    if (!job.isOver && status === 'canceled') this.tellCanceled(job);
    job.ended();
  }

  /** What these wanted to write was refused: they have ended, or another attempt of them is the newer one. */
  async refused(jobs: readonly WorkerJob[]): Promise<void> {
    const records = await this.store.findMany(jobs.map(({ id }) => id));
    jobs.forEach((job, i) => {
      this.leave(job, records[i]?.status ?? null);
    });
  }

  /** Those that ended alike in one step: a step for each would cost as much as their times do. */
  private count(ends: readonly End[]): void {
    const alike = Map.groupBy(ends, ({ job, result }) => `${result.status} ${job.message.version}`);
    for (const [first, ...others] of alike.values()) {
      if (first) this.metrics.ended(labelsOf(first.job), first.result.status, 1 + others.length);
    }
  }

  private tell(job: WorkerJob, { status, error, batchSize, timing, cached }: JobResult): void {
    const line = { ...lineOf(job), batch_size: batchSize, total_ms: timing.total_ms, cached };
    this.metrics.took(labelsOf(job), timing.total_ms);
    if (error) this.metrics.failed(labelsOf(job), error.code);
    tellOutcome(job, status, error?.code);
    if (error) this.logger.warn({ ...line, code: error.code }, `job ${status}`);
    else this.logger.log(line, `job ${status}`);
  }

  private tellCanceled(job: WorkerJob): void {
    this.metrics.canceled(labelsOf(job), job.hasRun);
    this.logger.log({ ...lineOf(job), ran: job.hasRun }, 'canceled job discarded');
  }
}

export function labelsOf({ model, message }: WorkerJob): { model: string; version: string } {
  return { model, version: message.version };
}

/** What every log line about a job has. */
export function lineOf(job: WorkerJob): Record<string, unknown> {
  return { job_id: job.id, request_id: job.message.requestId, ...labelsOf(job) };
}

import { Injectable, Logger } from '@nestjs/common';
import type { JobStatus } from '#libs/contracts';
import { type JobResult, JobStore } from '#libs/jobs';
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
  ) {}

  /** Ends that this worker has published. */
  published(ends: readonly End[]): void {
    for (const { job, result } of ends) {
      this.tell(job, result);
      job.ended();
    }
  }

  /** Jobs that this worker has found late. */
  expired(jobs: readonly WorkerJob[]): void {
    for (const job of jobs) {
      this.metrics.ended(labelsOf(job), 'expired');
      this.logger.warn(lineOf(job), 'job expired');
      job.ended();
    }
  }

  /** A job that ended otherwise than by a result of this worker's. @param status null where there is no record. */
  leave(job: WorkerJob, status: JobStatus | null): void {
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

  private tell(job: WorkerJob, { status, error, batchSize, timing }: JobResult): void {
    const line = { ...lineOf(job), batch_size: batchSize, total_ms: timing.total_ms };
    this.metrics.ended(labelsOf(job), status);
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

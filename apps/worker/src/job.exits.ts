import { Injectable, Logger } from '@nestjs/common';
import { isTerminal, type JobStatus } from '#libs/contracts';
import { DeliveryQueue, type JobResult, JobStore } from '#libs/jobs';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

export interface End {
  job: WorkerJob;
  result: JobResult;
}

/** How jobs that have ended leave this worker: whoever asked is called back, and BullMQ hears of it last. */
@Injectable()
export class JobExits {
  private readonly logger = new Logger('Batch');

  constructor(
    private readonly store: JobStore,
    private readonly deliveries: DeliveryQueue,
    private readonly metrics: WorkerMetrics,
  ) {}

  /** Ends that this worker has published. */
  async published(ends: readonly End[]): Promise<void> {
    await this.callBack(ends.map(({ job, result }) => ({ job, status: result.status })));
    for (const { job, result } of ends) {
      this.tell(job, result);
      job.ended();
    }
  }

  /** Jobs that this worker has found late. */
  async expired(jobs: readonly WorkerJob[]): Promise<void> {
    await this.callBack(jobs.map((job) => ({ job, status: 'expired' })));
    for (const job of jobs) {
      this.metrics.ended(labelsOf(job), 'expired');
      this.logger.warn(lineOf(job), 'job expired');
      job.ended();
    }
  }

  /**
   * Jobs that ended otherwise than by a result of this worker's, and perhaps by somebody who died before
   * the callback was queued. @param status null where there is no record.
   */
  async leave(jobs: readonly WorkerJob[], status: JobStatus | null): Promise<void> {
    if (status !== null && isTerminal(status)) {
      await this.callBack(jobs.map((job) => ({ job, status })));
    }
    for (const job of jobs) {
      if (!job.isOver && status === 'canceled') this.tellCanceled(job);
      job.ended();
    }
  }

  /** What these wanted to write was refused: they have ended, or another attempt of them is the newer one. */
  async refused(jobs: readonly WorkerJob[]): Promise<void> {
    const records = await this.store.findMany(jobs.map(({ id }) => id));
    await Promise.all(jobs.map((job, i) => this.leave([job], records[i]?.status ?? null)));
  }

  /** Before BullMQ hears that the job is done: should this process die now, the job comes again. */
  private async callBack(ends: readonly { job: WorkerJob; status: JobStatus }[]): Promise<void> {
    const owed = ends.flatMap(({ job, status }) => {
      const { webhook, requestId } = job.message;
      const event = webhook?.find((wanted) => wanted === status);
      return event ? [{ jobId: job.id, event, requestId }] : [];
    });
    if (owed.length > 0) await this.deliveries.add(owed);
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

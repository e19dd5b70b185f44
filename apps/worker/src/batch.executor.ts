import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { isTerminal, type JobProblem, type JobStatus, jobProblem } from '#libs/contracts';
import type { BatchResult, FiringReason, JobOutcome, RunBatch } from '#libs/inference';
import { DeliveryQueue, type JobResult, JobStore, type Started } from '#libs/jobs';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** A finished result is worth waiting for Redis: publishing is tried again at this pace. */
const PUBLISH_RETRY_MS = 500;
/** A job that was started alone this often without coming to an end is taken to stop its runner. */
const MAX_LONE_STARTS = 3;
const POISONED = `Started alone ${MAX_LONE_STARTS} times, and each time the process that ran it ended.`;
/** A callback is tried for up to a week; the record it tells of stays as long. */
const CALLBACK_KEEP_S = 8 * 86_400;
const NO_TIME: BatchResult['timing'] = { preprocessMs: 0, inferenceMs: 0, postprocessMs: 0 };

interface Attempt {
  job: WorkerJob;
  started: Started;
}

/** Takes a batch from "starts" to "published and called back"; records decide, not this process. */
@Injectable()
export class BatchExecutor {
  private readonly logger = new Logger('Batch');

  constructor(
    private readonly store: JobStore,
    private readonly deliveries: DeliveryQueue,
    private readonly metrics: WorkerMetrics,
  ) {}

  /** Jobs must be of one model. @throws what `run` or Redis threw before anything was published. */
  async execute(batch: WorkerJob[], run: RunBatch, reason: FiringReason): Promise<void> {
    const attempts = await this.begin(batch, reason === 'solo');
    const [suspect] = attempts;
    if (!suspect) return;
    if (suspect.started.loneStarts > MAX_LONE_STARTS) {
      await this.end(attempts, jobProblem('poisoned', POISONED));
      return;
    }
    const sentAt = Date.now();
    this.observeBatch(attempts, reason, sentAt);
    const result = await run(attempts.map(({ started }) => started.input));
    this.metrics.ran(labelsOf(attempts), result);
    await this.publish(
      attempts.map((attempt, i) => ({
        ...attempt,
        result: resultOf(attempt.job, result.jobs[i], result.timing, sentAt),
      })),
    );
  }

  /** Ends jobs that cannot be run here. */
  async fail(jobs: WorkerJob[], problem: JobProblem): Promise<void> {
    const attempts = await this.begin(jobs);
    if (attempts.length > 0) await this.end(attempts, problem);
  }

  private async end(attempts: Attempt[], problem: JobProblem): Promise<void> {
    const now = Date.now();
    await this.publish(
      attempts.map((attempt) => ({ ...attempt, result: failed(attempt.job, problem, now) })),
    );
  }

  private async begin(batch: WorkerJob[], lone = false): Promise<Attempt[]> {
    const answers = await this.store.begin(
      batch.map(({ id }) => id),
      lone,
    );
    const attempts: Attempt[] = [];
    const others: Promise<void>[] = [];
    answers.forEach((answer, i) => {
      const job = batch[i];
      if (!job) return;
      if ('fence' in answer) attempts.push({ job, started: answer });
      else others.push(this.endedBefore(job, answer.status));
    });
    await Promise.all(others);
    return attempts;
  }

  /** Another attempt ended it and may have died before the callback was queued; or nobody knows it. */
  private async endedBefore(job: WorkerJob, status: JobStatus | null): Promise<void> {
    if (status !== null && isTerminal(status)) await this.callBack([{ job, status }]);
    job.ended();
  }

  private async publish(ends: (Attempt & { result: JobResult })[]): Promise<void> {
    const published = await this.publishUntilDone(ends);
    const mine = ends.filter((_, i) => published[i] === true);
    await this.callBack(mine.map(({ job, result }) => ({ job, status: result.status })));
    for (const { job, result } of mine) this.tell(job, result);
    for (const { job } of ends) job.ended();
  }

  private async publishUntilDone(ends: (Attempt & { result: JobResult })[]): Promise<boolean[]> {
    const results = ends.map(({ job, started, result }) => ({
      id: job.id,
      fence: started.fence,
      keepS: job.message.webhook
        ? Math.max(job.message.resultTtlS, CALLBACK_KEEP_S)
        : job.message.resultTtlS,
      result,
    }));
    for (;;) {
      try {
        return await this.store.publish(results);
      } catch (err) {
        this.logger.error({ err, jobs: results.length }, 'results not published yet');
        await sleep(PUBLISH_RETRY_MS);
      }
    }
  }

  /** Before BullMQ hears that the job is done: should this process die now, the job comes again. */
  private async callBack(ends: { job: WorkerJob; status: JobStatus }[]): Promise<void> {
    const owed = ends.flatMap(({ job, status }) => {
      const event = job.message.webhook?.find((wanted) => wanted === status);
      return event ? [{ jobId: job.id, event, requestId: job.message.requestId }] : [];
    });
    if (owed.length > 0) await this.deliveries.add(owed);
  }

  private observeBatch(attempts: Attempt[], reason: FiringReason, sentAt: number): void {
    const rows = attempts.reduce((sum, { job }) => sum + job.rows, 0);
    const oldest = Math.min(...attempts.map(({ job }) => job.message.createdAt));
    this.metrics.batch(labelsOf(attempts), reason, rows, Math.max(0, sentAt - oldest));
  }

  private tell(job: WorkerJob, result: JobResult): void {
    const { model, message } = job;
    this.metrics.ended({ model, version: message.version }, result.status);
    const line = {
      job_id: job.id,
      request_id: message.requestId,
      model,
      version: message.version,
      batch_size: result.batchSize,
      total_ms: result.timing.total_ms,
    };
    if (result.error)
      this.logger.warn({ ...line, code: result.error.code }, `job ${result.status}`);
    else this.logger.log(line, `job ${result.status}`);
  }
}

function labelsOf(attempts: Attempt[]): { model: string; version: string } {
  const job = attempts[0]?.job;
  return { model: job?.model ?? '', version: job?.message.version ?? '' };
}

/** One instance failing fails a job of one; of many, it only fails the job when all have failed. */
function resultOf(
  job: WorkerJob,
  outcome: JobOutcome | undefined,
  timing: BatchResult['timing'],
  sentAt: number,
): JobResult {
  if (!outcome) {
    return failed(job, jobProblem('internal-error', 'The runner gave no result.'), sentAt);
  }
  const allFailed = outcome.done === 0;
  return {
    status: allFailed ? 'failed' : 'succeeded',
    outputs: allFailed && job.rows === 1 ? undefined : outcome.outputs,
    error: allFailed ? (outcome.error ?? undefined) : undefined,
    done: outcome.done,
    timing: timingOf(job, timing, sentAt),
    batchSize: outcome.batchSize,
  };
}

function failed(job: WorkerJob, error: JobProblem, sentAt: number): JobResult {
  return { status: 'failed', error, done: 0, timing: timingOf(job, NO_TIME, sentAt), batchSize: 0 };
}

/** Clocks of two machines may differ a little: no stage takes less than nothing. */
function timingOf(job: WorkerJob, stages: BatchResult['timing'], sentAt: number) {
  const { takenAt, message } = job;
  return {
    queue_ms: Math.max(0, takenAt - message.createdAt),
    batch_wait_ms: Math.max(0, sentAt - takenAt),
    preprocess_ms: micro(stages.preprocessMs),
    inference_ms: micro(stages.inferenceMs),
    postprocess_ms: micro(stages.postprocessMs),
    total_ms: Math.max(0, Date.now() - message.createdAt),
  };
}

function micro(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

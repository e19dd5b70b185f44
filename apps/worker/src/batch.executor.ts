import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { isTerminal, type JobProblem, type JobStatus, jobProblem } from '#libs/contracts';
import type { Batch, BatchHandler, RanReply } from '#libs/inference';
import { DeliveryQueue, type JobResult, JobStore } from '#libs/jobs';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** A finished result is worth waiting for Redis: publishing is tried again at this pace. */
const PUBLISH_RETRY_MS = 500;
/** A job that was started alone this often without coming to an end is taken to stop its runner. */
const MAX_LONE_STARTS = 3;
const POISONED = `Started alone ${String(MAX_LONE_STARTS)} times, and each time the process that ran it ended.`;
const LATE = 'It was not started within queue_timeout_s. Submit it again, or allow more time.';
/** A callback is tried for up to a week; the record it tells of stays as long. */
const CALLBACK_KEEP_S = 8 * 86_400;

/** A job that is carried along is shown as running once it has run for so long. */
const RUNNING_AFTER_MS = 20;

interface End {
  job: WorkerJob;
  result: JobResult;
}

/** Takes a batch from "starts" to "published and called back"; records decide, not this process. */
@Injectable()
export class BatchExecutor implements BatchHandler<WorkerJob> {
  private readonly logger = new Logger('Batch');

  constructor(
    private readonly store: JobStore,
    private readonly deliveries: DeliveryQueue,
    private readonly metrics: WorkerMetrics,
  ) {}

  /** Jobs must be of one model. @throws what Redis threw. */
  async begin(batch: Batch<WorkerJob>): Promise<string[]> {
    const lone = batch.reason === 'solo';
    const jobs = jobsOf(batch);
    const late = jobs.filter((job) => isNew(job) && isLate(job));
    if (late.length > 0) await this.expire(late);
    const mustStart = jobs.filter((job) => lone || !job.hasInput);
    void this.start(mustStart.filter(isNew), lone);
    await startOf(mustStart);
    // The others can run at once. Most have ended before it would be worth while to write that down.
    if (mustStart.length < jobs.length) {
      setTimeout(() => {
        void this.start(
          jobs.filter((job) => isNew(job) && !job.isComplete),
          false,
        );
      }, RUNNING_AFTER_MS).unref();
    }
    batch.slices = batch.slices.filter(({ job }) => !job.isOver);
    if (batch.slices.length > 0) this.observe(batch);
    return batch.slices.map((slice) => slice.job.slice(slice));
  }

  async finish(batch: Batch<WorkerJob>, reply: RanReply): Promise<void> {
    const jobs = jobsOf(batch);
    await startOf(jobs);
    this.metrics.ran(labelsOf(batch), reply);
    batch.slices.forEach((slice, i) => {
      const outcome = reply.slices[i];
      if (!outcome) throw new Error('the runner gave no result for a slice');
      slice.job.add(slice, outcome, reply.timing);
    });
    const complete = jobs.filter((job) => job.isComplete && !job.isOver);
    if (complete.length > 0) {
      await this.publish(complete.map((job) => ({ job, result: job.result() })));
    }
  }

  async fail(jobs: WorkerJob[], problem: JobProblem): Promise<void> {
    await this.end(jobs, problem, 'failed');
  }

  private async expire(jobs: WorkerJob[]): Promise<void> {
    await this.end(jobs, jobProblem('queue-timeout', LATE), 'expired');
  }

  private async end(
    jobs: WorkerJob[],
    problem: JobProblem,
    status: 'failed' | 'expired',
  ): Promise<void> {
    await this.start(jobs.filter(isNew), false);
    const open = jobs.filter((job) => !job.isOver);
    await this.publish(open.map((job) => ({ job, result: job.failed(problem, status) })));
  }

  /** Afterwards each job has a fence, or is over. */
  private start(jobs: WorkerJob[], lone: boolean): Promise<void> {
    if (jobs.length === 0) return Promise.resolve();
    const starting = this.startAll(jobs, lone);
    // Whoever awaits it hears of a failure; until then it is no error.
    starting.catch(() => undefined);
    for (const job of jobs) job.starting = starting;
    return starting;
  }

  private async startAll(jobs: WorkerJob[], lone: boolean): Promise<void> {
    const withInput = jobs.some((job) => !job.hasInput);
    const answers = await this.store.begin(
      jobs.map(({ id }) => id),
      { lone, withInput },
    );
    const poisoned: WorkerJob[] = [];
    const others: Promise<void>[] = [];
    jobs.forEach((job, i) => {
      const answer = answers[i];
      if (answer && 'fence' in answer) {
        job.fence = answer.fence;
        if (withInput) job.input = answer.input;
        if (answer.loneStarts > MAX_LONE_STARTS) poisoned.push(job);
      } else others.push(this.endedBefore(job, answer?.status ?? null));
    });
    await Promise.all(others);
    if (poisoned.length > 0) {
      const problem = jobProblem('poisoned', POISONED);
      await this.publish(poisoned.map((job) => ({ job, result: job.failed(problem) })));
    }
  }

  /** Another attempt ended it and may have died before the callback was queued; or nobody knows it. */
  private async endedBefore(job: WorkerJob, status: JobStatus | null): Promise<void> {
    if (status !== null && isTerminal(status)) await this.callBack([{ job, status }]);
    job.ended();
  }

  private async publish(ends: End[]): Promise<void> {
    const published = await this.publishUntilDone(ends);
    const mine = ends.filter((_, i) => published[i] === true);
    await this.callBack(mine.map(({ job, result }) => ({ job, status: result.status })));
    for (const { job, result } of mine) this.tell(job, result);
    // Somebody else has begun it, and may have given it back: only with the newest fence is that settled.
    const unsettled = ends.filter(({ job }, i) => published[i] !== true && job.fence === 0);
    if (unsettled.length > 0) await this.publishFenced(unsettled);
    for (const { job } of ends) if (!job.isOver) job.ended();
  }

  private async publishFenced(ends: End[]): Promise<void> {
    await this.startAll(
      ends.map(({ job }) => job),
      false,
    );
    await this.publish(ends.filter(({ job }) => !job.isOver));
  }

  private async publishUntilDone(ends: End[]): Promise<boolean[]> {
    const results = ends.map(({ job, result }) => ({
      id: job.id,
      fence: job.fence,
      sentAt: job.sentAt,
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

  private observe(batch: Batch<WorkerJob>): void {
    const oldest = Math.min(...batch.slices.map(({ job }) => job.createdAt));
    const waitedMs = Math.max(0, Date.now() - oldest);
    this.metrics.batch(labelsOf(batch), batch.reason, batch.rows, waitedMs);
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

function jobsOf({ slices }: Batch<WorkerJob>): WorkerJob[] {
  return [...new Set(slices.map(({ job }) => job))];
}

async function startOf(jobs: WorkerJob[]): Promise<void> {
  for (const { starting } of jobs) await starting;
}

function labelsOf({ slices }: Batch<WorkerJob>): { model: string; version: string } {
  const job = slices[0]?.job;
  return { model: job?.model ?? '', version: job?.message.version ?? '' };
}

/** Its start is not written down. */
function isNew({ starting, isOver }: WorkerJob): boolean {
  return !starting && !isOver;
}

/** Too late to be started for the first time. */
function isLate({ startBy }: WorkerJob): boolean {
  return startBy !== undefined && Date.now() > startBy;
}

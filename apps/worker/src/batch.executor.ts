import { Injectable } from '@nestjs/common';
import { clock } from '#libs/clock';
import { type JobProblem, jobProblem } from '#libs/contracts';
import type { Batch, BatchHandler, Piece, RanReply } from '#libs/inference';
import { JobStore } from '#libs/jobs';
import { type End, JobExits, labelsOf } from './job.exits.js';
import { JobPublisher } from './job.publisher.js';
import { BatchSpans } from './job.spans.js';
import { JobStarter } from './job.starter.js';
import { StepJob } from './pipelines/step.job.js';
import { ProgressWriter } from './progress.writer.js';
import { SingleFlight } from './single.flight.js';
import { TokenWriter } from './token.writer.js';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** A job is taken to stop its runner that was alone in it so often when it ended, */
const MAX_LONE_CRASHES = 3;
/** or whose lone starts came to no end so often: with them whole workers have gone, which is rarely a job's doing. */
const MAX_LONE_STARTS = 10;

/** A job that is carried along is shown as running once it has run for so long. */
const RUNNING_AFTER_MS = 20;
/** A job is started before it runs where the api may take it for late before it shows as running. */
const NEARLY_LATE_MS = 1000;

/** Takes a batch from "starts" to "published and called back"; records decide, not this process. */
@Injectable()
export class BatchExecutor implements BatchHandler<WorkerJob> {
  private readonly spans = new BatchSpans();

  constructor(
    private readonly store: JobStore,
    private readonly starter: JobStarter,
    private readonly publisher: JobPublisher,
    private readonly exits: JobExits,
    private readonly progress: ProgressWriter,
    private readonly tokens: TokenWriter,
    private readonly metrics: WorkerMetrics,
    private readonly flights: SingleFlight,
  ) {}

  /** Jobs must be of one model. @throws what Redis threw. */
  async begin(batch: Batch<WorkerJob>, content?: string): Promise<string[]> {
    const lone = batch.reason === 'solo';
    const [jobs, steps] = recordedOf(jobsOf(batch));
    for (const step of steps.filter(isPoison)) step.fail(poisoned(step));
    await this.expire(jobs.filter((job) => isNew(job) && isLate(job, 0)));
    const first = jobs.filter((job) => lone || !job.hasInput || isLate(job, NEARLY_LATE_MS));
    this.starter.start(first, lone);
    this.starter.start(recordedOf(batch.slices.filter(isPart).map(({ job }) => job))[0]);
    await this.starter.settled(first);
    await this.endPoisoned(first);
    // The others can run at once. Most have ended before it would be worth while to write that down.
    if (jobs.some(isNew)) {
      setTimeout(() => {
        this.starter.start(jobs.filter((job) => !job.isComplete));
      }, RUNNING_AFTER_MS).unref();
    }
    batch.slices = batch.slices.filter(({ job }) => !job.isOver);
    if (batch.slices.length > 0) this.observe(batch);
    for (const { job } of batch.slices) job.runsWith(content);
    this.spans.sent(batch);
    return batch.slices.map((slice) => slice.job.slice(slice));
  }

  async finish(batch: Batch<WorkerJob>, reply: RanReply): Promise<void> {
    this.spans.ran(batch, reply);
    const [jobs, steps] = recordedOf(jobsOf(batch));
    await this.starter.settled(jobs);
    this.metrics.ran(labelsOfBatch(batch), reply);
    batch.slices.forEach((slice, i) => {
      const outcome = reply.slices[i];
      if (!outcome) throw new Error('the runner gave no result for a slice');
      slice.job.add(slice, outcome, reply.timing);
    });
    for (const step of steps) if (step.isComplete) step.ended();
    // What was computed of a job that is over by now, as it was canceled, ends here.
    const open = jobs.filter((job) => !job.isOver);
    for (const job of open) if (!job.isComplete) this.progress.tell(job);
    const complete = open.filter((job) => job.isComplete);
    await this.publish(complete.map((job) => ({ job, result: job.result() })));
    this.spans.ended(batch);
  }

  /** Starts a job that has to be made ready for a batch first. It may be over afterwards. @throws what Redis threw. */
  async beginAhead(job: WorkerJob): Promise<void> {
    if (isLate(job, 0)) await this.expire([job]);
    if (job.isOver) return;
    await this.starter.begun([job], job.solo);
    await this.endPoisoned([job]);
  }

  /** Ends a job that is complete without a batch. */
  async finishAlone(job: WorkerJob): Promise<void> {
    await this.publish([{ job, result: job.result() }]);
  }

  told(batch: Batch<WorkerJob>, piece: Piece): void {
    this.tokens.tell(batch, piece);
  }

  lost(batch: Batch<WorkerJob>, error: unknown): void {
    this.spans.ended(batch, error);
  }

  async fail(all: WorkerJob[], problem: JobProblem): Promise<void> {
    const [jobs, steps] = recordedOf(all);
    for (const step of steps) step.fail(problem);
    await this.starter.begun(jobs);
    const open = jobs.filter((job) => !job.isOver);
    await this.publish(open.map((job) => ({ job, result: job.failed(problem) })));
  }

  private async publish(ends: End[]): Promise<void> {
    const others = this.flights.landed(ends);
    await this.publisher.publish(ends);
    await others;
  }

  /** The record decides: one that another process has begun is not late. */
  private async expire(jobs: WorkerJob[]): Promise<void> {
    const [first] = jobs;
    if (!first) return;
    const expired = await this.store.expire(
      first.model,
      jobs.map(({ message }) => message),
    );
    this.exits.expired(jobs.filter((_, i) => expired[i]));
  }

  private async endPoisoned(jobs: WorkerJob[]): Promise<void> {
    for (const job of jobs) {
      if (!job.isOver && isPoison(job)) await this.fail([job], poisoned(job));
    }
  }

  private observe(batch: Batch<WorkerJob>): void {
    const now = clock.now();
    // Clocks of two machines may differ a little: nothing takes less than nothing.
    let queueMs = 0;
    let batchWaitMs = 0;
    for (const { job } of batch.slices) {
      queueMs = Math.max(queueMs, job.takenAt - job.createdAt);
      batchWaitMs = Math.max(batchWaitMs, now - job.takenAt);
    }
    this.metrics.batch(labelsOfBatch(batch), batch, { queueMs, batchWaitMs });
  }
}

function jobsOf({ slices }: Batch<WorkerJob>): WorkerJob[] {
  return [...new Set(slices.map(({ job }) => job))];
}

/** Jobs that have a record, and steps of pipelines, which have none. */
function recordedOf(jobs: readonly WorkerJob[]): [WorkerJob[], StepJob[]] {
  const steps = jobs.filter((job) => job instanceof StepJob);
  return [steps.length === 0 ? [...jobs] : jobs.filter((job) => !(job instanceof StepJob)), steps];
}

function isPoison({ loneCrashes, loneStarts }: WorkerJob): boolean {
  return loneCrashes >= MAX_LONE_CRASHES || loneStarts > MAX_LONE_STARTS;
}

function poisoned({ loneCrashes }: WorkerJob): JobProblem {
  const times = loneCrashes >= MAX_LONE_CRASHES ? MAX_LONE_CRASHES : MAX_LONE_STARTS;
  const detail = `Started alone ${String(times)} times, and each time the process that ran it ended.`;
  return jobProblem('poisoned', detail);
}

function labelsOfBatch({ slices }: Batch<WorkerJob>): { model: string; version: string } {
  const [slice] = slices;
  return slice ? labelsOf(slice.job) : { model: '', version: '' };
}

/** Its start is not written down. */
function isNew({ starting, isOver }: WorkerJob): boolean {
  return !starting && !isOver;
}

/** Too late, in so long, to be started for the first time. */
function isLate({ startBy }: WorkerJob, inMs: number): boolean {
  return startBy !== undefined && clock.now() + inMs > startBy;
}

/** Its job takes several: to tell how far it has got, it must have been started. */
function isPart({ job, from, to }: { job: WorkerJob; from: number; to: number }): boolean {
  return to - from < job.count;
}

import { type Job, WaitingError, Worker } from 'bullmq';
import { clock } from '#libs/clock';
import type { Keys } from './keys.js';
import type { Bundle, JobMessage } from './bundle.js';
import { BundleLocks } from './bundle.locks.js';
import type { PredictQueues } from './predict.queues.js';
import type { RedisConnection } from './redis.js';
import { TakeBreaker } from './take.breaker.js';

export interface TakenJob {
  message: JobMessage;
  takenAt: number;
  /** Two workers died with it in hand; it may have been the cause. */
  suspect: boolean;
}

/** Thrown by a handler that did not end a job: it goes back to the queue, for any worker. */
export class HandBack extends Error {
  override readonly name = 'HandBack';

  /**
   * @param delayMs before it is taken again; 0 puts it in front. @param attempt it is then; absent: the
   *   same, as nothing of this one counts.
   */
  constructor(
    readonly delayMs: number,
    readonly attempt?: number,
  ) {
    super('handed back');
  }
}

/** Finished BullMQ jobs that stay to be seen in Bull Board. The records, not these, hold results. */
const KEEP_FINISHED = 200;

/** More turns than lie between what is taken and what waits. */
const FAR_BEHIND = 1024;

/** After an error that nobody foresaw: not so soon that it fills the log. */
const UNFORESEEN_DELAY_MS = 1000;

/** How much of the average the newest bundle makes. */
const NEWEST = 0.2;

/** Jobs run in processes of their own: they rarely are why a worker dies, and one by one all that it held takes long. */
const SUSPECT_AFTER_STALLS = 2;

interface Returned {
  message: JobMessage;
  delayMs: number;
}

export interface PredictConsumerOptions {
  redis: RedisConnection;
  keys: Keys;
  queues: PredictQueues;
  /** Jobs held at once; at least twice the batch cap keeps the runner fed. */
  concurrency: number;
  lockDurationMs: number;
  stalledIntervalMs: number;
  onError: (error: Error) => void;
}

/**
 * Takes a model's jobs from its queue, ahead of need, and hands each to `handle`. A job whose worker
 * dies is taken over by another; since infrastructure must never use up a job's attempts, there is no
 * limit to how often.
 */
export class PredictConsumer {
  private readonly worker: Worker<Bundle>;
  private readonly breaker: TakeBreaker;
  private readonly locks: BundleLocks;
  private jobsAtOnce: number;
  /** Average of the last bundles; at first as if each were all that may be held. */
  private bundleJobs: number;
  private heldBundles = 0;
  private heldJobs = 0;

  /** @param handle resolves once the job's end is published. @throws HandBack to return it. */
  constructor(
    private readonly model: string,
    private readonly handle: (job: TakenJob) => Promise<void>,
    private readonly options: PredictConsumerOptions,
  ) {
    this.jobsAtOnce = options.concurrency;
    this.bundleJobs = options.concurrency;
    this.worker = new Worker<Bundle>(
      options.keys.queueName(model),
      (job, token) => this.process(job, token),
      {
        connection: options.redis,
        prefix: options.keys.queuePrefix(model),
        concurrency: this.bundlesAtOnce(),
        lockDuration: options.lockDurationMs,
        skipLockRenewal: true,
        stalledInterval: options.stalledIntervalMs,
        maxStalledCount: Number.MAX_SAFE_INTEGER,
        runRetryDelay: 1000,
        // Told by the worker once, rather than by each job.
        removeOnComplete: { count: KEEP_FINISHED },
        removeOnFail: { count: KEEP_FINISHED },
        ...(options.queues.spans && { telemetry: options.queues.spans.telemetry }),
      },
    );
    this.worker.on('error', options.onError);
    this.breaker = new TakeBreaker(this.worker);
    this.locks = new BundleLocks(this.worker, options.lockDurationMs, options.onError);
  }

  /** Most jobs held at once, or about that: they come in bundles. */
  set concurrency(jobs: number) {
    this.jobsAtOnce = jobs;
    this.worker.concurrency = this.bundlesAtOnce();
  }

  /** It takes no more before some end. */
  get isFull(): boolean {
    return this.heldJobs >= this.jobsAtOnce;
  }

  /** Those that are held, and as many more as there is likely room for. */
  private bundlesAtOnce(): number {
    const more = Math.ceil((this.jobsAtOnce - this.heldJobs) / this.bundleJobs);
    return Math.max(2, this.heldBundles + Math.max(0, more));
  }

  private hold(sign: 1 | -1, jobs: number): void {
    this.heldBundles += sign;
    this.heldJobs += sign * jobs;
    this.worker.concurrency = this.bundlesAtOnce();
  }

  /** Ends when every job of the bundle has ended, or has gone back. */
  private async process(bundle: Job<Bundle>, token: string | undefined): Promise<void> {
    const { length } = bundle.data.jobs;
    this.bundleJobs += NEWEST * (length - this.bundleJobs);
    this.hold(1, length);
    this.locks.hold(bundle, token);
    let isHeld = true;
    try {
      await this.run(bundle, token);
    } finally {
      this.hold(-1, length);
      isHeld = this.locks.release(bundle);
    }
    // BullMQ could only fail to end what is another worker's.
    if (!isHeld) throw new WaitingError();
  }

  private async run(bundle: Job<Bundle>, token: string | undefined): Promise<void> {
    const { jobs } = bundle.data;
    const takenAt = clock.now();
    const ends = await Promise.all(
      jobs.map((message) => this.handleOne(message, takenAt, isSuspect(bundle))),
    );
    const returned = ends.filter((end) => end !== null);
    const [only] = returned;
    // All of a bundle that was lost is another worker's.
    if (!only || !this.locks.holds(bundle)) return;
    try {
      if (jobs.length > 1) {
        await this.requeue(returned, bundle.timestamp);
        return;
      }
      if (only.message !== jobs[0]) await bundle.updateData({ jobs: [only.message] });
      await this.renewTurn(bundle, only.message.turn);
      if (only.delayMs > 0) await bundle.moveToDelayed(Date.now() + only.delayMs, token);
      else await bundle.moveToWait(token);
    } catch (error) {
      this.options.onError(error as Error);
    }
    // Never BullMQ's `failed`, which knows nothing of the record: what could not be moved stalls, and
    // comes again.
    throw new WaitingError();
  }

  /** All turns are halved at times. What was taken has its turn about now; far behind, its number is an old one. */
  private async renewTurn(bundle: Job<Bundle>, turn: number): Promise<void> {
    const next = await this.options.queues.nextTurn(this.model);
    if (next !== undefined && turn > next + FAR_BEHIND)
      await bundle.changePriority({ priority: next });
  }

  /** @returns null where it has ended. */
  private async handleOne(
    message: JobMessage,
    takenAt: number,
    stalled: boolean,
  ): Promise<Returned | null> {
    const suspect = stalled || message.suspect === true;
    const again = suspect && !message.suspect ? { ...message, suspect } : message;
    try {
      await this.handle({ message, takenAt, suspect });
      return null;
    } catch (error) {
      if (!(error instanceof HandBack)) {
        this.options.onError(error as Error);
        return { message: again, delayMs: UNFORESEEN_DELAY_MS };
      }
      const { delayMs, attempt } = error;
      if (attempt === undefined) return { message: again, delayMs };
      // It has started once, so that it cannot start too late any more.
      return { message: { ...again, attempt, startBy: undefined }, delayMs };
    }
  }

  /** Each by itself from now on. Should this process die before the bundle is done, both may run: one wins. */
  private async requeue(returned: readonly Returned[], timestamp: number): Promise<void> {
    for (const delayMs of new Set(returned.map((job) => job.delayMs))) {
      const bundles = returned
        .filter((job) => job.delayMs === delayMs)
        .map(({ message }) => ({ jobs: [message] }));
      const { queues } = this.options;
      // Each goes in front of the last, and so the first one has to go last.
      if (delayMs === 0) {
        await queues.addBack(this.model, bundles.toReversed(), { lifo: true, timestamp });
      } else {
        // BullMQ counts the delay from the job's own time, and goes by the clock of the machine.
        const now = Date.now();
        const since = Math.min(timestamp, now);
        const delay = now - since + delayMs;
        await queues.addBack(this.model, bundles, { delay, timestamp: since });
      }
    }
  }

  /** Takes no further job; those already taken go on. */
  async stopTaking(): Promise<void> {
    await this.breaker.stop();
  }

  /** Resolves when every job that was taken has ended or gone back. */
  async close(): Promise<void> {
    await this.worker.close();
  }
}

function isSuspect({ stalledCounter }: Job<Bundle>): boolean {
  return stalledCounter >= SUSPECT_AFTER_STALLS;
}

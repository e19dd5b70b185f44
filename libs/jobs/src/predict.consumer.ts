import { type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.js';
import type { JobMessage } from './predict.queues.js';

export interface TakenJob {
  id: string;
  message: JobMessage;
  takenAt: number;
  /** How often a worker died holding it. */
  stalls: number;
}

/** Thrown by a handler that did not end a job: it goes back to the queue, for any worker. */
export class HandBack extends Error {
  override readonly name = 'HandBack';

  /** @param delayMs before it is taken again; 0 puts it in front. */
  constructor(readonly delayMs: number) {
    super('handed back');
  }
}

/** Finished BullMQ jobs that stay to be seen in Bull Board. The records, not these, hold results. */
const KEEP_FINISHED = 200;

/** After an error that nobody foresaw: not so soon that it fills the log. */
const UNFORESEEN_DELAY_MS = 1000;

/**
 * Takes a model's jobs from its queue, ahead of need, and hands each to `handle`. A job whose worker
 * dies is taken over by another; since infrastructure must never use up a job's attempts, there is no
 * limit to how often.
 */
export class PredictConsumer {
  private readonly worker: Worker<JobMessage>;

  /**
   * @param handle resolves once the job's end is published. @throws HandBack to return it.
   * @param concurrency jobs held at once; at least twice the batch cap keeps the runner fed.
   */
  constructor(
    model: string,
    handle: (job: TakenJob) => Promise<void>,
    options: {
      redis: Redis;
      keys: Keys;
      concurrency: number;
      lockDurationMs: number;
      stalledIntervalMs: number;
      onError: (error: Error) => void;
    },
  ) {
    this.worker = new Worker<JobMessage>(
      options.keys.queueName(model),
      async (job, token) => {
        try {
          await handle({
            id: job.id ?? '',
            message: job.data,
            takenAt: Date.now(),
            stalls: job.stalledCounter,
          });
        } catch (error) {
          if (!(error instanceof HandBack)) options.onError(error as Error);
          const delayMs = error instanceof HandBack ? error.delayMs : UNFORESEEN_DELAY_MS;
          // Never BullMQ's `failed`, which knows nothing of the record: what could not be moved stalls,
          // and comes again.
          await returnToQueue(job, token, delayMs).catch(options.onError);
          throw new WaitingError();
        }
      },
      {
        connection: options.redis,
        prefix: options.keys.queuePrefix(model),
        concurrency: options.concurrency,
        lockDuration: options.lockDurationMs,
        stalledInterval: options.stalledIntervalMs,
        maxStalledCount: Number.MAX_SAFE_INTEGER,
        runRetryDelay: 1000,
        // Told by the worker once, rather than by each job.
        removeOnComplete: { count: KEEP_FINISHED },
        removeOnFail: { count: KEEP_FINISHED },
      },
    );
    this.worker.on('error', options.onError);
  }

  /** Most jobs held at once. */
  set concurrency(jobs: number) {
    this.worker.concurrency = jobs;
  }

  /** Takes no further job; those already taken go on. */
  async stopTaking(): Promise<void> {
    await this.worker.pause(true);
  }

  /** Resolves when every job that was taken has ended or gone back. */
  async close(): Promise<void> {
    await this.worker.close();
  }
}

async function returnToQueue(job: Job, token: string | undefined, delayMs: number): Promise<void> {
  if (delayMs > 0) await job.moveToDelayed(Date.now() + delayMs, token);
  else await job.moveToWait(token);
}

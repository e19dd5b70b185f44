import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError } from '#libs/contracts';
import { bundlesOf, type JobMessage } from './bundle.js';
import type { JobStore } from './job.store.js';
import type { PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';

/** A job that is to be accepted. */
export interface Submission {
  spec: JobSpec;
  /** As `inputText` makes it. */
  input: string;
  /** Of its instances, for the message. */
  shape?: JobMessage['shape'];
  /** Rows up to which it travels together with others, see `bundlesOf`. */
  bundleRows: number;
}

interface Waiting extends Submission {
  accepted: () => void;
  refused: (error: Error) => void;
}

/** Inputs up to this many bytes travel in the message as well. */
const MAX_CARRIED_BYTES = 512;
/** Most jobs of one flush, so that a flush stays a short piece of Redis' time. */
const MAX_FLUSH = 256;
/** Flushes of a model under way at once: while Redis works on one, the api prepares the next. */
const MAX_FLUSHES = 2;
/** Together, longer than an operator takes to bring Redis back. */
const DISCARD_DELAYS_MS = [1000, 5000, 15_000, 60_000, 300_000, 900_000];

/**
 * Accepts jobs by group commit: while round trips to Redis are under way, the submissions that come
 * in gather, and the next round trip takes them all. A lone submission goes at once. Under load the
 * cost of a round trip, and of the AOF's fsync, is shared by everybody who waits for it.
 */
export class Submitter {
  private readonly waiting = new Map<string, Waiting[]>();
  /** Flushes under way, by model. */
  private readonly flushing = new Map<string, number>();

  constructor(
    private readonly store: JobStore,
    private readonly queues: PredictQueues,
  ) {}

  /**
   * Resolves when the job is in Redis as durably as that Redis is configured.
   * @throws ProblemError `queue-unavailable` when Redis did not take it; then it does not exist.
   */
  submit(job: Submission): Promise<void> {
    const { model } = job.spec;
    return new Promise((accepted, refused) => {
      const line = this.waiting.get(model) ?? [];
      line.push({ ...job, accepted, refused });
      this.waiting.set(model, line);
      // Requests that arrive in the same turn of the event loop join the first flush.
      if (line.length === 1) setImmediate(() => void this.flushNext(model));
    });
  }

  private async flushNext(model: string): Promise<void> {
    const underWay = this.flushing.get(model) ?? 0;
    const line = this.waiting.get(model);
    if (!line || underWay >= MAX_FLUSHES) return;
    this.flushing.set(model, underWay + 1);
    const batch = line.splice(0, MAX_FLUSH);
    if (line.length === 0) this.waiting.delete(model);
    else void this.flushNext(model);
    await this.flush(model, batch);
    this.flushing.set(model, (this.flushing.get(model) ?? 1) - 1);
    await this.flushNext(model);
  }

  /** Records leave before the BullMQ jobs, as a worker drops a job without one; no answer is awaited. */
  private async flush(model: string, batch: readonly Waiting[]): Promise<void> {
    const bundles = bundlesOf(
      batch.map((job) => ({ message: messageOf(job), bundleRows: job.bundleRows })),
    );
    try {
      // The first failure settles it: a queue that is first opened while Redis is away waits for it.
      await Promise.all([this.store.create(batch), this.queues.add(model, bundles)]);
      for (const { accepted } of batch) accepted();
    } catch (cause) {
      // A BullMQ job whose record is gone is dropped by the worker that takes it.
      void this.discard(batch.map(({ spec }) => spec.id));
      const problem = new ProblemError(
        'queue-unavailable',
        'The job was not accepted. Send the same request again in a moment.',
        { retryAfterS: 2, cause },
      );
      for (const { refused } of batch) refused(problem);
    }
  }

  /** Records that were written, but whose acceptance nobody heard of, must not stay for good. */
  private async discard(ids: readonly string[]): Promise<void> {
    for (const delayMs of DISCARD_DELAYS_MS) {
      try {
        await this.store.discard(ids);
        return;
      } catch {
        // Redis is still away.
        await sleep(delayMs, undefined, { ref: false });
      }
    }
  }
}

function messageOf({ spec, input, shape }: Waiting): JobMessage {
  const { priority, queueTimeoutS, executionTimeoutS } = spec;
  const bytes = Buffer.byteLength(input);
  return {
    id: spec.id,
    version: spec.version,
    count: spec.count,
    bytes,
    createdAt: spec.createdAt,
    resultTtlS: spec.resultTtlS,
    requestId: spec.requestId,
    webhook: spec.webhook?.events,
    input: bytes <= MAX_CARRIED_BYTES ? input : undefined,
    shape,
    priority,
    startBy: queueTimeoutS === undefined ? undefined : spec.createdAt + queueTimeoutS * 1000,
    executionTimeoutMs: executionTimeoutS === undefined ? undefined : executionTimeoutS * 1000,
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError } from '#libs/contracts';
import type { JobStore } from './job.store.js';
import type { JobMessage, PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';

interface Waiting {
  spec: JobSpec;
  input: string;
  shape: JobMessage['shape'];
  accepted: () => void;
  refused: (error: Error) => void;
}

/**
 * Inputs up to this many bytes travel in the message as well. BullMQ keeps it as JSON in JSON: with its
 * escapes it stays below the 1024 bytes up to which Redis stores a job's hash compactly.
 */
const MAX_CARRIED_BYTES = 512;
/** Most jobs of one flush, so that a flush stays a short piece of Redis' time. */
const MAX_FLUSH = 256;
/** Together, longer than an operator takes to bring Redis back. */
const DISCARD_DELAYS_MS = [1000, 5000, 15_000, 60_000, 300_000, 900_000];

/**
 * Accepts jobs by group commit: while one round trip to Redis is under way, the submissions that come
 * in gather, and the next round trip takes them all. A lone submission goes at once. Under load the
 * cost of a round trip, and of the AOF's fsync, is shared by everybody who waits for it.
 */
export class Submitter {
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly flushing = new Set<string>();

  constructor(
    private readonly store: JobStore,
    private readonly queues: PredictQueues,
  ) {}

  /**
   * Resolves when the job is in Redis as durably as that Redis is configured.
   * @param input as `inputText` makes it.
   * @param shape of its instances, for the message.
   * @throws ProblemError `queue-unavailable` when Redis did not take it; then it does not exist.
   */
  submit(spec: JobSpec, input: string, shape?: JobMessage['shape']): Promise<void> {
    return new Promise((accepted, refused) => {
      const job = { spec, input, shape, accepted, refused };
      const line = this.waiting.get(spec.model);
      if (line) line.push(job);
      else this.waiting.set(spec.model, [job]);
      if (!this.flushing.has(spec.model)) void this.flushAll(spec.model);
    });
  }

  private async flushAll(model: string): Promise<void> {
    this.flushing.add(model);
    // Requests that arrived in the same turn of the event loop join the first flush.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      const line = this.waiting.get(model);
      if (!line) break;
      const batch = line.splice(0, MAX_FLUSH);
      if (line.length === 0) this.waiting.delete(model);
      await this.flush(model, batch);
    }
    this.flushing.delete(model);
  }

  /** Records leave before the BullMQ jobs, as a worker drops a job without one; no answer is awaited. */
  private async flush(model: string, batch: readonly Waiting[]): Promise<void> {
    const messages = batch.map((job) => ({ id: job.spec.id, message: messageOf(job) }));
    try {
      // The first failure settles it: a queue that is first opened while Redis is away waits for it.
      await Promise.all([this.store.create(batch), this.queues.add(model, messages)]);
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

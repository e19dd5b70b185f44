import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Priority, WebhookEvent } from '#libs/contracts';
import type { Keys } from './keys.js';

/** What the BullMQ job carries: enough to form a batch, and the input while it is small. */
export interface JobMessage {
  version: string;
  /** Instances, that is rows of a batch. */
  count: number;
  /** Size of the input. */
  bytes: number;
  createdAt: number;
  resultTtlS: number;
  requestId: string;
  /** Events to call back for; absent where nobody asked. */
  webhook?: WebhookEvent[] | undefined;
  /** The record's input once more where it is small: it spares the worker a round trip. */
  input?: string | undefined;
  /** `shapeSignature` of the instances: one for all, or one each; absent where the graph's shapes are fixed. */
  shape?: string | string[] | undefined;
  /** Absent: normal. */
  priority?: Priority | undefined;
  /** Not started by then, ms since the epoch: expired. */
  startBy?: number | undefined;
  executionTimeoutMs?: number | undefined;
}

/** The queue of every model, opened when first asked for. */
export class PredictQueues {
  private readonly queues = new Map<string, Queue<JobMessage>>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly onError: (error: Error) => void,
  ) {}

  async add(model: string, jobs: readonly { id: string; message: JobMessage }[]): Promise<void> {
    await this.of(model).addBulk(
      jobs.map(({ id, message }) => ({
        name: message.version,
        data: message,
        // Its own id, so that an `add` sent twice makes one job.
        opts: { jobId: id },
      })),
    );
  }

  /** Whether a job that was added before some time (ms since the epoch) still waits. */
  async hasJobsFrom(model: string, beforeMs: number): Promise<boolean> {
    const oldest = await Promise.all(
      (['wait', 'prioritized', 'delayed'] as const).map((state) =>
        this.of(model).getJobs([state], 0, 0, true),
      ),
    );
    return oldest.flat().some(({ timestamp }) => timestamp < beforeMs);
  }

  of(model: string): Queue<JobMessage> {
    let queue = this.queues.get(model);
    if (!queue) {
      queue = new Queue<JobMessage>(this.keys.queueName(model), {
        connection: this.redis,
        prefix: this.keys.queuePrefix(model),
        // The connection was checked at start. BullMQ's own check, once failed, would fail for good.
        skipVersionCheck: true,
        streams: { events: { maxLen: 1000 } },
      });
      queue.on('error', this.onError);
      this.queues.set(model, queue);
    }
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }
}

import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Bundle, bundleId } from './bundle.js';
import type { Keys } from './keys.js';

/** The queue of every model, opened when first asked for. */
export class PredictQueues {
  private readonly queues = new Map<string, Queue<Bundle>>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly onError: (error: Error) => void,
  ) {}

  /** @param options of BullMQ, for all of them. */
  async add(
    model: string,
    bundles: readonly Bundle[],
    options: Pick<JobsOptions, 'delay' | 'lifo' | 'timestamp'> = {},
  ): Promise<void> {
    await this.of(model).addBulk(
      bundles.map((bundle) => ({
        name: bundle.jobs[0]?.version ?? '',
        data: bundle,
        // Its own id, so that an `add` sent twice makes one job.
        opts: { ...options, jobId: bundleId(bundle) },
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

  of(model: string): Queue<Bundle> {
    let queue = this.queues.get(model);
    if (!queue) {
      queue = new Queue<Bundle>(this.keys.queueName(model), {
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

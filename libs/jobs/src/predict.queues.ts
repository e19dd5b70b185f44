import { randomUUID } from 'node:crypto';
import { type JobsOptions, Queue } from 'bullmq';
import { clock } from '#libs/clock';
import { type Bundle, bundleId } from './bundle.js';
import type { BundleSpans } from './bundle.spans.js';
import { firstIdAt } from './job-id.js';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';

/** Ids that are looked at in one command. */
const LOOK = 1000;
/** BullMQ's score is the priority times this, and a counter. */
const PRIORITY_STEP = 2 ** 32;

/** The queue of every model, opened when first asked for. */
export class PredictQueues {
  private readonly queues = new Map<string, Queue<Bundle>>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly onError: (error: Error) => void,
    /** Absent: nothing is traced. */
    readonly spans?: BundleSpans,
  ) {}

  /** Adds bundles to be taken in the order of their turns. */
  addInTurn(model: string, bundles: readonly Bundle[]): Promise<void> {
    const timestamp = clock.now();
    return this.addAll(model, bundles, (bundle) => ({ priority: turnOf(bundle), timestamp }));
  }

  /**
   * Adds bundles that go before all that wait, in front of each other; or that come in after a delay. BullMQ has
   * known their jobs before, and takes nothing under an id that it still knows: each gets one of its own.
   */
  addBack(
    model: string,
    bundles: readonly Bundle[],
    options: Pick<JobsOptions, 'delay' | 'lifo' | 'timestamp'>,
  ): Promise<void> {
    const again = randomUUID();
    return this.addAll(model, bundles, (bundle) => ({
      ...options,
      jobId: `${bundleId(bundle)}@${again}`,
    }));
  }

  /** Gives bundles that still wait another turn. */
  async changeTurns(model: string, turns: ReadonlyMap<Bundle, number>): Promise<void> {
    for (const [bundle, priority] of turns) {
      const job = await this.of(model).getJob(bundleId(bundle));
      await job?.changePriority({ priority });
    }
  }

  private async addAll(
    model: string,
    bundles: readonly Bundle[],
    options: (bundle: Bundle) => JobsOptions,
  ): Promise<void> {
    const jobs = bundles.map((bundle) => ({
      name: bundle.jobs[0]?.version ?? '',
      data: bundle,
      // Its own id, so that an `add` sent twice makes one job.
      opts: { jobId: bundleId(bundle), ...options(bundle) },
    }));
    const add = () => this.of(model).addBulk(jobs);
    await (this.spans ? this.spans.sending(bundles, add) : add());
  }

  /** Whether a job that was accepted before some time (ms since the epoch) still waits. */
  async hasJobsFrom(model: string, beforeMs: number): Promise<boolean> {
    const oldest = await Promise.all(
      (['wait', 'delayed'] as const).map((state) => this.of(model).getJobs([state], 0, 0, true)),
    );
    if (oldest.flat().some(({ timestamp }) => timestamp < beforeMs)) return true;
    return this.isAnyInTurnFrom(model, beforeMs);
  }

  /** These are in the order of their turns: each has to be looked at, but for the time in its id only. */
  private async isAnyInTurnFrom(model: string, beforeMs: number): Promise<boolean> {
    const key = this.prioritizedKey(model);
    const limit = firstIdAt(beforeMs);
    for (let from = 0; ; from += LOOK) {
      const ids = await this.redis.zrange(key, from, String(from + LOOK - 1));
      if (ids.some((id) => id < limit)) return true;
      if (ids.length < LOOK) return false;
    }
  }

  /** The lowest turn of those that wait for theirs; undefined where none does. */
  async nextTurn(model: string): Promise<number | undefined> {
    const [, score] = await this.redis.zrange(this.prioritizedKey(model), 0, '0', 'WITHSCORES');
    return score === undefined ? undefined : Math.floor(Number(score) / PRIORITY_STEP);
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
        ...(this.spans && { telemetry: this.spans.telemetry }),
      });
      queue.on('error', this.onError);
      this.queues.set(model, queue);
    }
    return queue;
  }

  /** BullMQ's key of a model's jobs that wait for their turn. */
  prioritizedKey(model: string): string {
    return this.of(model).toKey('prioritized');
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }
}

function turnOf({ jobs }: Bundle): number {
  return jobs[0]?.turn ?? 0;
}

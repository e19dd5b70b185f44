import type { Result } from 'ioredis';
import { type Bundle, jobsOfBundleId } from './bundle.js';
import { messageOf } from './job-message.js';
import type { Keys } from './keys.js';
import type { PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';
import type { RedisConnection } from './redis.js';
import { jobScriptText } from './script.js';
import type { Arguments } from './script-arguments.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    openJobs(keyCount: number, ...args: Arguments): Result<OpenAnswer[], Context>;
  }
}
type OpenAnswer = [spec: string, tries: string | number, startBy: string] | '';

/** Jobs that are looked at in one go, of those that wait and of those that run. */
const LOOK = 1000;

/**
 * Jobs that are queued or run by their records, and that no bundle carries: after Redis has lost its latest writes,
 * where an api dies between record and bundle, or where somebody removes a bundle. Nobody would ever end them.
 */
export class StrayJobs {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly queues: PredictQueues,
  ) {
    redis.defineCommand('openJobs', { lua: jobScriptText('open-jobs.lua') });
  }

  /**
   * Jobs whose bundle does not wait for its turn: those that run, and those whose turn is before the first that
   * is waited for. The first `LOOK` of each: one that is a stray becomes one of the first.
   */
  async candidates(model: string): Promise<string[]> {
    const head = await this.queues.nextTurn(model);
    const [next, running] = await Promise.all([
      this.redis.zrangebyscore(
        ...[this.keys.waiting(model), '-inf', head === undefined ? '+inf' : `(${String(head)}`],
        ...(['LIMIT', 0, LOOK] as const),
      ),
      this.redis.zrange(this.keys.running(model), 0, String(LOOK - 1)),
    ]);
    return [...next, ...running];
  }

  /**
   * Puts candidates that no bundle carries in front of the queue, as the attempt that they are in. Should one be
   * carried after all, it is run twice and published once. Those that have ended, or have no record, are candidates
   * no more.
   * @returns ids of those that were put back.
   */
  async putBack(model: string, candidates: readonly string[]): Promise<string[]> {
    const carried = await this.carried(model);
    const ids = candidates.filter((id) => !carried.has(id));
    if (ids.length === 0) return [];
    const { keys } = this;
    const sets = [keys.waiting(model), keys.startDeadlines(model), keys.running(model)];
    const records = ids.map((id) => keys.record(id));
    const [turn = 1, answers] = await Promise.all([
      this.queues.nextTurn(model),
      this.redis.openJobs(sets.length + records.length, ...sets, ...records),
    ]);
    const bundles = answers.flatMap((answer) => (answer === '' ? [] : [bundleOf(answer, turn)]));
    // Each gets in front of the last.
    for (const bundle of bundles.toReversed()) {
      const timestamp = bundle.jobs[0]?.createdAt ?? 0;
      await this.queues.addBack(model, [bundle], { lifo: true, timestamp });
    }
    return bundles.flatMap(({ jobs }) => jobs.map(({ id }) => id));
  }

  /** The jobs of all bundles that are with a worker, or on the way from or to one. */
  private async carried(model: string): Promise<ReadonlySet<string>> {
    const ids = await this.bundlesOut(model);
    const jobs = await Promise.all(ids.map((id) => this.jobsIn(model, id)));
    return new Set(jobs.flat());
  }

  private async bundlesOut(model: string): Promise<string[]> {
    const queue = this.queues.of(model);
    // In one step, as bundles go from one of these to another.
    const answers = await this.redis
      .multi()
      .lrange(queue.toKey('wait'), 0, -1)
      .lrange(queue.toKey('paused'), 0, -1)
      .lrange(queue.toKey('active'), 0, -1)
      .zrange(queue.toKey('delayed'), 0, '-1')
      // One that has gone back to its turn is among the next.
      .zrange(this.queues.prioritizedKey(model), 0, String(LOOK - 1))
      .exec();
    return (answers ?? []).flatMap(([error, ids]) => {
      if (error) throw error;
      return ids as string[];
    });
  }

  private async jobsIn(model: string, bundle: string): Promise<string[]> {
    const { first, others } = jobsOfBundleId(bundle);
    if (others === 0) return [first];
    const data = await this.redis.hget(this.queues.of(model).toKey(bundle), 'data');
    return data === null ? [] : (JSON.parse(data) as Bundle).jobs.map(({ id }) => id);
  }
}

function bundleOf([spec, tries, startBy]: Exclude<OpenAnswer, ''>, turn: number): Bundle {
  const message = messageOf({ spec: JSON.parse(spec) as JobSpec }, turn);
  return {
    jobs: [
      {
        ...message,
        attempt: Number(tries) + 1,
        startBy: startBy === '' ? undefined : Number(startBy),
      },
    ],
  };
}

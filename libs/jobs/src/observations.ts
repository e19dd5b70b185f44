import type { OnApplicationShutdown } from '@nestjs/common';
import { clock } from '#libs/clock';
import { addCounts, type Counts } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import type { Rollouts } from './rollouts.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    observe(...args: (string | number)[]): Result<null, Context>;
  }
}

/** Counts are written together, so often. What a process that is killed has gathered is not counted. */
const FLUSH_MS = 200;
/** Stretches of time that are counted apart: a window consists of some of them. */
const STRETCH_MS = 300_000;
/** Longest window. */
const KEPT_MS = 25 * 3_600_000;
const KEPT_UNDER_ROLLOUT_MS = 30 * 86_400_000;
/** What a rollout is judged by, which is read several times a second; of inputs there may be thousands of counts. */
const TELLS_OF_ROLLOUT = /^(?:jobs|run-ms|shadow|class|value)\//;

interface Gathered {
  model: string;
  version: string;
  counts: Counts;
}

/**
 * What was observed of versions: counts by name, from all processes together, in stretches of time, and since a
 * rollout was last changed.
 */
export class Observations implements OnApplicationShutdown {
  private gathered = new Map<string, Gathered>();
  private timer: NodeJS.Timeout | undefined;
  private readonly listeners: ((model: string, version: string) => void)[] = [];

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly rollouts: Rollouts,
  ) {
    redis.defineCommand('observe', { numberOfKeys: 1, lua: scriptText('observe.lua') });
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.redis.status === 'ready') await this.flush();
  }

  /** Counts are written a moment later; what Redis does not take by then is lost. */
  add(model: string, version: string, counts: Counts): void {
    const name = `${model}/${version}`;
    const known = this.gathered.get(name);
    if (known) addCounts(known.counts, counts);
    else this.gathered.set(name, { model, version, counts: { ...counts } });
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** Calls `listener` with each version of which counts have just been written. */
  onWritten(listener: (model: string, version: string) => void): void {
    this.listeners.push(listener);
  }

  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { gathered } = this;
    this.gathered = new Map();
    await Promise.all([...gathered.values()].map((one) => this.write(one)));
  }

  /** Counts of the stretches that lie in the last `windowS` seconds, as a whole or in part. */
  async recent(model: string, version: string, windowS: number): Promise<Counts> {
    const sum: Counts = {};
    const now = clock.now();
    const reads: Promise<Record<string, string>>[] = [];
    for (let from = stretchAt(now - windowS * 1000); from <= now; from += STRETCH_MS) {
      reads.push(this.redis.hgetall(this.keys.observed(model, version, from)));
    }
    for (const found of await Promise.all(reads)) addCounts(sum, numbers(found));
    return sum;
  }

  /** Counts of each version since the rollout of its model had this revision: jobs, times, shadows, predictions. */
  async under(model: string, revision: number): Promise<Map<string, Counts>> {
    const found = await this.redis.hgetall(this.keys.observedUnder(model, revision));
    const versions = new Map<string, Counts>();
    for (const [name, count] of Object.entries(numbers(found))) {
      const [version = ''] = name.split(' ', 1);
      const counts = versions.get(version) ?? {};
      counts[name.slice(version.length + 1)] = count;
      versions.set(version, counts);
    }
    return versions;
  }

  private async write({ model, version, counts }: Gathered): Promise<void> {
    const change = this.rollouts.get(model);
    const all = Object.entries(counts);
    const key = this.keys.observed(model, version, stretchAt(clock.now()));
    const writes = [this.redis.observe(key, KEPT_MS, ...all.flat())];
    if (change?.rollout) {
      const told = all
        .filter(([name]) => TELLS_OF_ROLLOUT.test(name))
        .map(([name, count]) => [`${version} ${name}`, count]);
      const under = this.keys.observedUnder(model, change.revision);
      writes.push(this.redis.observe(under, KEPT_UNDER_ROLLOUT_MS, ...told.flat()));
    }
    try {
      await Promise.all(writes);
      for (const tell of this.listeners) tell(model, version);
    } catch {
      // Redis is away, which others tell: figures about jobs matter less than the jobs.
    }
  }
}

function stretchAt(ms: number): number {
  return Math.floor(ms / STRETCH_MS) * STRETCH_MS;
}

function numbers(found: Record<string, string>): Counts {
  return Object.fromEntries(Object.entries(found).map(([name, count]) => [name, Number(count)]));
}

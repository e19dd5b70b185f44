import { LRUCache } from 'lru-cache';

/**
 * Remembers sendings, so that none is taken twice. A receiver of several processes shares one: with Redis,
 * `isNew: async (key, ttlS) => (await redis.set(key, 1, 'EX', ttlS, 'NX')) === 'OK'`.
 */
export interface Replays {
  /** True the first time it is asked about a key within `ttlS` seconds; it must decide in one step. */
  isNew(key: string, ttlS: number): boolean | Promise<boolean>;
}

/** For a receiver of one process. Beyond `max` sendings in ten minutes the oldest are forgotten. */
export class ReplayMemory implements Replays {
  private readonly seen: LRUCache<string, true>;

  constructor({ max = 100_000 }: { max?: number } = {}) {
    // By the clock that the time of a webhook is judged by, should it be set.
    this.seen = new LRUCache({ max, perf: Date });
  }

  isNew(key: string, ttlS: number): boolean {
    if (this.seen.has(key)) return false;
    this.seen.set(key, true, { ttl: ttlS * 1000 });
    return true;
  }
}

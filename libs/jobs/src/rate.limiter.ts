import type { RateLimit } from '#libs/config';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    takeTokens(
      bucket: string,
      wanted: number,
      size: number,
      eachUs: number,
    ): Result<[taken: number, fullInUs: number], Context>;
  }
}

const SECOND_US = 1_000_000;

/** What came of asking for a token. */
export interface Grant {
  granted: boolean;
  /** Tokens that are left then. */
  left: number;
  /** Until the bucket is full again. */
  fullInS: number;
  /** Until there is a token; 0 where one is left. */
  nextInS: number;
}

interface Group {
  limit: RateLimit;
  waiting: { resolve: (grant: Grant) => void; reject: (error: unknown) => void }[];
}

/**
 * Token buckets in Redis, by its clock: exact over all processes. Those who ask in the same turn of the event
 * loop, or while an answer is awaited, take theirs together: under load, a script serves many.
 */
export class RateLimiter {
  private groups = new Map<string, Group>();
  private isAsking = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('takeTokens', { numberOfKeys: 1, lua: scriptText('take-tokens.lua') });
  }

  /**
   * Takes a token.
   * @param bucket whose requests are counted together, under one limit.
   * @throws what Redis threw; then none was taken that anybody knows of.
   */
  take(bucket: string, limit: RateLimit): Promise<Grant> {
    return new Promise((resolve, reject) => {
      if (!this.isAsking) {
        this.isAsking = true;
        setImmediate(() => void this.askForAll());
      }
      let group = this.groups.get(bucket);
      if (!group) {
        group = { limit, waiting: [] };
        this.groups.set(bucket, group);
      }
      group.waiting.push({ resolve, reject });
    });
  }

  private async askForAll(): Promise<void> {
    while (this.groups.size > 0) await this.ask();
    this.isAsking = false;
  }

  private async ask(): Promise<void> {
    const groups = [...this.groups];
    this.groups = new Map();
    // A pipeline of its own leaves now, and not at the end of another turn.
    const pipeline = this.redis.pipeline();
    for (const [bucket, { limit, waiting }] of groups) {
      const key = this.keys.rateBucket(bucket);
      pipeline.takeTokens(key, waiting.length, limit.requests, tokenUs(limit));
    }
    const answers = await pipeline.exec().catch((error: unknown) => groups.map(() => [error]));
    groups.forEach(([, group], i) => {
      const [error = null, answer] = answers?.[i] ?? [new Error('nothing was sent')];
      if (error === null) grant(group, answer as [number, number]);
      else for (const { reject } of group.waiting) reject(error);
    });
  }
}

/** The first to ask get what was taken. */
function grant({ limit, waiting }: Group, [taken, fullInUs]: [number, number]): void {
  const eachUs = tokenUs(limit);
  const left = limit.requests - Math.ceil(fullInUs / eachUs);
  const nextInUs = Math.max(0, fullInUs - (limit.requests - 1) * eachUs);
  waiting.forEach(({ resolve }, i) => {
    const after = Math.max(0, taken - 1 - i);
    resolve({
      granted: i < taken,
      left: left + after,
      fullInS: Math.ceil((fullInUs - after * eachUs) / SECOND_US),
      nextInS: after > 0 ? 0 : Math.ceil(nextInUs / SECOND_US),
    });
  });
}

function tokenUs({ requests, windowS }: RateLimit): number {
  return Math.round((windowS * SECOND_US) / requests);
}

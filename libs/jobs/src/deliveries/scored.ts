import type { Result } from 'ioredis';
import type { RedisConnection } from '../redis.js';
import { scriptText } from '../script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    removeUnchanged(...args: string[]): Result<null, Context>;
  }
}

/** A member of a sorted set, with its score as Redis writes it. */
export interface Scored {
  member: string;
  score: string;
}

/** What Redis answers `WITHSCORES`. */
export function parseScored(texts: readonly string[]): Scored[] {
  return texts.flatMap((member, i) => (i % 2 ? [] : [{ member, score: texts[i + 1] ?? '' }]));
}

export function defineRemoveUnchanged(redis: RedisConnection): void {
  const lua = scriptText('deliveries/remove-unchanged.lua');
  redis.defineCommand('removeUnchanged', { numberOfKeys: 1, lua });
}

/** Removes what was done with; a member that was put there anew meanwhile stays. */
export async function removeUnchanged(
  redis: RedisConnection,
  key: string,
  entries: readonly Scored[],
): Promise<void> {
  if (entries.length === 0) return;
  await redis.removeUnchanged(key, ...entries.flatMap(({ member, score }) => [member, score]));
}

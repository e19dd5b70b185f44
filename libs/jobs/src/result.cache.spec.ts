import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { ResultCache } from './result.cache.js';

const MODEL = 'iris';
const keys = new Keys('test');

const use = (key: string, about: { ttlS?: number; maxEntries?: number } = {}) => ({
  key,
  ttlS: 60,
  maxEntries: 100,
  ...about,
});

describe('ResultCache', () => {
  let server: TestRedis;
  let redis: Redis;
  let one: ResultCache;
  let other: ResultCache;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    one = new ResultCache(redis, keys);
    other = new ResultCache(redis, keys);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(() => redis.flushall());

  /** Names in the index, the first to go first; and those of which there is a result. */
  async function kept(): Promise<[string[], string[]]> {
    const found = await redis.keys(`${keys.resultPrefix(MODEL)}*`);
    const names = found.map((name) => name.slice(keys.resultPrefix(MODEL).length)).sort();
    return [await redis.zrange(keys.results(MODEL), 0, '-1'), names];
  }

  it('keeps a result for as long as it is told, and the index no longer', async () => {
    await one.store(MODEL, [{ use: use('a', { ttlS: 0.5 }), outputs: '[1]' }]);
    await one.store(MODEL, [{ use: use('b', { ttlS: 30 }), outputs: '[2]' }]);
    await one.store(MODEL, [{ use: use('c', { ttlS: 10 }), outputs: '[3]' }]);
    expect(await Promise.all(['a', 'b', 'x'].map((key) => one.find(MODEL, key)))).toEqual([
      '[1]',
      '[2]',
      null,
    ]);
    expect(await one.find('digits', 'a')).toBeNull();
    const [a, b, index] = await Promise.all([
      redis.pttl(keys.result(MODEL, 'a')),
      redis.pttl(keys.result(MODEL, 'b')),
      redis.pttl(keys.results(MODEL)),
    ]);
    expect(a).toBeLessThanOrEqual(500);
    expect(Math.abs(index - b)).toBeLessThan(5000);
  });

  it('lets those go first that would go first anyway', async () => {
    const all = [
      ['a', 40],
      ['b', 20],
      ['c', 30],
      ['d', 10],
    ] as const;
    for (const [key, ttlS] of all) {
      await one.store(MODEL, [{ use: use(key, { ttlS, maxEntries: 3 }), outputs: '[1]' }]);
    }
    // The last one is the first to go.
    expect(await kept()).toEqual([
      ['b', 'c', 'a'],
      ['a', 'b', 'c'],
    ]);
    await one.store(MODEL, [
      { use: use('b', { ttlS: 50, maxEntries: 2 }), outputs: '[2]' },
      { use: use('e', { ttlS: 50, maxEntries: 2 }), outputs: '[3]' },
    ]);
    expect(await kept()).toEqual([
      ['b', 'e'],
      ['b', 'e'],
    ]);
    expect(await one.find(MODEL, 'b')).toBe('[2]');
  });

  it('gives a claim to whoever comes first, until it is released or there is a result', async () => {
    expect(await one.findOrClaim(MODEL, 'a')).toBe('mine');
    expect(await other.findOrClaim(MODEL, 'a')).toBe('taken');
    // After an answer that was lost.
    expect(await one.findOrClaim(MODEL, 'a')).toBe('mine');
    expect(await other.findOrClaim(MODEL, 'b')).toBe('mine');
    await other.release(MODEL, 'a');
    expect(await other.findOrClaim(MODEL, 'a')).toBe('taken');
    await one.release(MODEL, 'a');
    expect(await other.findOrClaim(MODEL, 'a')).toBe('mine');
    await one.store(MODEL, [{ use: use('a'), outputs: '[1]' }]);
    expect(await one.findOrClaim(MODEL, 'a')).toEqual({ outputs: '[1]' });
    expect(await redis.exists(keys.resultClaim(MODEL, 'a'))).toBe(0);
  });

  it('forgets the claim of a process that does not renew it', async () => {
    await one.findOrClaim(MODEL, 'a');
    const claim = keys.resultClaim(MODEL, 'a');
    expect(await redis.pttl(claim)).toBeGreaterThan(5000);
    await redis.pexpire(claim, 1000);
    await one.renew(MODEL, 'a');
    expect(await redis.pttl(claim)).toBeGreaterThan(5000);
    await redis.del(claim);
    expect(await other.findOrClaim(MODEL, 'a')).toBe('mine');
  });
});

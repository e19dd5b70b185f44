import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { RateLimiter } from './rate.limiter.js';

/** So slow that no token comes back during a test. */
const LIMIT = { requests: 10, windowS: 3600 };
const TOKEN_US = 360_000_000;
const KEY = '{foretell:rate}:ann';

describe('RateLimiter', () => {
  let server: TestRedis;
  let redis: Redis;
  let others: Redis[];
  let sut: RateLimiter;

  beforeAll(async () => {
    server = await startTestRedis({ args: ['--appendonly', 'yes'] });
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    redis = new Redis(server.url);
    await redis.flushall();
    others = [];
    sut = new RateLimiter(redis, new Keys('foretell'));
  });

  afterEach(() => {
    // One that has ended would only start a timer that keeps the process.
    const open = [redis, ...others].filter(({ status }) => status !== 'end');
    for (const connection of open) connection.disconnect();
  });

  const takeMany = (limiter: RateLimiter, count: number, bucket = 'ann') =>
    Promise.all(Array.from({ length: count }, () => limiter.take(bucket, LIMIT)));
  const grantedOf = (grants: { granted: boolean }[]) => grants.filter((g) => g.granted).length;

  /** As if so much time had passed since tokens were taken last. */
  async function pass(us: number): Promise<void> {
    await redis.set(KEY, String(Number(await redis.get(KEY)) - us), 'KEEPTTL');
  }

  it('grants the first to ask, and tells what is left', async () => {
    const grants = await takeMany(sut, 12);
    expect(grants.map(({ left }) => left)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
    expect(grants.map(({ granted }) => granted)).toEqual([
      ...Array<boolean>(10).fill(true),
      false,
      false,
    ]);
    expect(grants[0]).toEqual({ granted: true, left: 9, fullInS: 360, nextInS: 0 });
    expect(grants[8]).toMatchObject({ fullInS: 9 * 360, nextInS: 0 });
    expect(grants[11]).toMatchObject({ fullInS: 3600, nextInS: 360 });
  });

  it('takes all that are asked for in a turn in one command', async () => {
    await takeMany(sut, 1);
    const callsOf = async () =>
      [...(await redis.info('commandstats')).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
        .map(([, calls]) => Number(calls))
        .reduce((sum, calls) => sum + calls);
    const before = await callsOf();
    await Promise.all([takeMany(sut, 50), takeMany(sut, 50, 'bob')]);
    expect((await callsOf()) - before).toBe(2);
  });

  it('grants exactly as many over all processes', async () => {
    others = Array.from({ length: 7 }, () => new Redis(server.url));
    const limiters = [sut, ...others.map((other) => new RateLimiter(other, new Keys('foretell')))];
    const turns = limiters.map(async (limiter) => {
      let granted = 0;
      for (let turn = 0; turn < 5; turn++) granted += grantedOf(await takeMany(limiter, 3));
      return granted;
    });
    const granted = await Promise.all(turns);
    expect(granted.reduce((sum, count) => sum + count)).toBe(LIMIT.requests);
  });

  it('keeps buckets apart', async () => {
    await takeMany(sut, 10);
    expect(grantedOf(await takeMany(sut, 11, 'bob'))).toBe(10);
  });

  it('gets one token back after its time, and all after the window', async () => {
    await takeMany(sut, 10);
    await pass(TOKEN_US - 1_000_000);
    expect(grantedOf(await takeMany(sut, 1))).toBe(0);
    await pass(1_000_000);
    expect(grantedOf(await takeMany(sut, 3))).toBe(1);
    await pass(100 * TOKEN_US);
    expect(grantedOf(await takeMany(sut, 20))).toBe(10);
  });

  it.each([3, 7, 9999, 10_000])('counts %p a second without loss', async (requests) => {
    const limit = { requests, windowS: 1 };
    const grants = await Promise.all(Array.from({ length: 3 }, () => sut.take('ann', limit)));
    expect(grants.map(({ left }) => left)).toEqual([requests - 1, requests - 2, requests - 3]);
  });

  it('forgets a bucket that is full again', async () => {
    await takeMany(sut, 3);
    const ttl = await redis.pttl(KEY);
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual((3 * TOKEN_US) / 1000);
  });

  it('takes a bucket for empty that has a clock or a limit which has changed', async () => {
    await redis.set(KEY, '9000000000000000', 'PX', 60_000);
    expect(await sut.take('ann', LIMIT)).toEqual({
      granted: false,
      left: 0,
      fullInS: 3600,
      nextInS: 360,
    });
    expect(await redis.pttl(KEY)).toBeGreaterThan(0);
  });

  it('costs no line of the append-only file', async () => {
    const size = async () =>
      Number(/aof_current_size:(\d+)/.exec(await redis.info('persistence'))?.[1]);
    await redis.set('known', '1');
    const before = await size();
    await takeMany(sut, 5);
    expect(await size()).toBe(before);
  });

  it('says so when Redis does not answer', async () => {
    redis.disconnect();
    const asked = await Promise.allSettled([sut.take('ann', LIMIT), sut.take('bob', LIMIT)]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { type Priority, PRIORITIES } from '#libs/contracts';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Turns } from './turns.js';

const KEYS = ['turns', 'waiting', 'prioritized'] as const;

describe('Turns', () => {
  let server: TestRedis;
  let redis: Redis;
  let api: Turns;
  let added = 0;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(async () => {
    await redis.flushall();
    api = new Turns(redis, KEYS, 'job:');
  });

  /** What one flush accepts: `count` jobs of a caller, each as large as a share of a batch. */
  async function submit(
    owner: string,
    count: number,
    options: { priority?: Priority; batches?: number; by?: Turns } = {},
  ): Promise<number[]> {
    const { priority = 'normal', batches = 1, by = api } = options;
    const turns = by.take(Array.from({ length: count }, () => ({ owner, priority, batches })));
    for (const turn of turns) {
      const id = `${owner}:${priority}:${String(added++).padStart(9, '0')}`;
      await redis.hset(`job:${id}`, 'spec', JSON.stringify({ id, priority }));
      await redis.zadd('waiting', turn, id);
      await redis.zadd('prioritized', turn * 2 ** 32 + (added % 2 ** 32), id);
    }
    await by.sync();
    return turns;
  }

  /** Takes the next jobs as BullMQ does. @returns whose they are. */
  async function serve(count: number): Promise<string[]> {
    const taken = await redis.zpopmin('prioritized', count);
    const ids = taken.filter((_, i) => i % 2 === 0);
    if (ids.length > 0) await redis.zrem('waiting', ...ids);
    await api.sync();
    return ids.map((id) => id.slice(0, id.lastIndexOf(':')));
  }

  it('does not hold back those who were far on when Redis lost where they stood', async () => {
    await submit('old', 500);
    await serve(500);
    await submit('old', 1);
    await redis.flushall();
    await submit('old', 1);
    const [old = 0] = await submit('old', 1);
    const [fresh = 0] = await submit('new', 1);
    expect(old).toBeLessThan(fresh + 10);
  });

  it("lets a batch of 10,000 queued jobs come before another caller's single one", async () => {
    await submit('greedy', 200);
    await serve(50);
    await submit('single', 1);
    const order = await serve(151);
    expect(order.indexOf('single:normal')).toBeLessThanOrEqual(1);
  });

  it('serves callers that have much to do in turn', async () => {
    await submit('a', 50);
    await submit('b', 50);
    await submit('c', 50);
    const order = await serve(60);
    for (const owner of ['a', 'b', 'c']) {
      const share = order.filter((o) => o === `${owner}:normal`).length;
      expect(share).toBeGreaterThanOrEqual(19);
      expect(share).toBeLessThanOrEqual(21);
    }
  });

  it('keeps the jobs of a caller in order', async () => {
    const turns = [...(await submit('a', 5)), ...(await submit('a', 5, { batches: 0.1 }))];
    expect(turns).toEqual([...turns].sort((x, y) => x - y));
  });

  it('gives jobs that fill a batch together one turn', async () => {
    const turns = await submit('a', 200, { batches: 1 / 64 });
    expect(new Set(turns).size).toBe(4);
    expect(turns.filter((turn) => turn === turns[0])).toHaveLength(64);
  });

  it('gives small callers the turn that is served now, so that they share a bundle', async () => {
    await submit('greedy', 20);
    await serve(10);
    const [a] = await submit('a', 1, { batches: 1 / 64 });
    const [b] = await submit('b', 1, { batches: 1 / 64 });
    expect(a).toBe(b);
  });

  it('puts high before all that waits, and low behind what its caller has', async () => {
    await submit('a', 30);
    await submit('b', 30);
    await serve(4);
    await submit('a', 3, { priority: 'low' });
    await submit('a', 3, { priority: 'high' });
    const order = await serve(100);
    expect(order.slice(0, 3)).toEqual(Array(3).fill('a:high'));
    expect(order.slice(-3)).toEqual(Array(3).fill('a:low'));
  });

  it('puts low behind what comes while it is the only one that waits', async () => {
    await submit('a', 1, { priority: 'low' });
    await submit('b', 3);
    await submit('a', 1, { priority: 'low' });
    await submit('c', 1);
    expect(await serve(6)).toEqual([
      ...['b', 'c', 'b', 'b'].map((owner) => `${owner}:normal`),
      'a:low',
      'a:low',
    ]);
  });

  it('puts high before the very first ones, too', async () => {
    await submit('a', 3);
    await submit('b', 1, { priority: 'high' });
    expect(await serve(1)).toEqual(['b:high']);
  });

  it('starves nobody: neither low nor normal wait for ever behind what comes later', async () => {
    await submit('b', 5);
    await submit('a', 1, { priority: 'low' });
    let rounds = 0;
    for (let low = false; !low; rounds++) {
      await submit('a', 5, { priority: 'high' });
      await submit('b', 5);
      low = (await serve(8)).includes('a:low');
      if (rounds > 200) throw new Error('low is never served');
    }
    expect(rounds).toBeGreaterThan(10);
  });

  it('agrees with another api process on where a caller stands', async () => {
    const other = new Turns(redis, KEYS, 'job:');
    for (let i = 0; i < 10; i++) {
      await submit('greedy', 5, { by: i % 2 === 0 ? api : other });
    }
    await submit('b', 10, { by: other });
    const order = await serve(20);
    // The first flush of the other knew nothing of the first one here; half of the rest are b's.
    expect(order.filter((o) => o === 'b:normal').length).toBeGreaterThanOrEqual(7);
  });

  it('halves all turns before their numbers end, and the order stays', async () => {
    api = new Turns(redis, KEYS, 'job:', 5);
    const served: string[] = [];
    for (let i = 0; i < 80; i++) {
      const turns = await submit('a', 2);
      expect(Math.max(...turns)).toBeLessThanOrEqual(32);
      await submit('b', 2);
      served.push(...(await serve(i < 10 ? 2 : 4)));
    }
    expect(api.halved).toBeGreaterThan(2);
    const share = served.filter((o) => o === 'a:normal').length / served.length;
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.55);
    const waiting = await redis.zrange('waiting', 0, '-1');
    for (const owner of ['a', 'b']) {
      const own = waiting.filter((id) => id.startsWith(`${owner}:`));
      expect(own).toEqual([...own].sort());
    }
  });

  it('goes on while Redis cannot be told', async () => {
    redis.disconnect();
    const [first = 0] = api.take([{ owner: 'a', priority: 'normal', batches: 3 }]);
    await api.sync();
    const [second = 0] = api.take([{ owner: 'a', priority: 'normal', batches: 1 }]);
    expect(second).toBe(first + 3);
    redis = new Redis(server.url);
  });

  it('delays a caller who comes by no more than a round of all others, whatever they have', async () => {
    const load = fc.record({
      owner: fc.constantFrom('a', 'b', 'c', 'd'),
      priority: fc.constantFrom(...PRIORITIES.filter((p) => p !== 'high')),
      count: fc.integer({ min: 1, max: 40 }),
      served: fc.integer({ min: 0, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(load, { minLength: 1, maxLength: 12 }), async (loads) => {
        await redis.flushall();
        api = new Turns(redis, KEYS, 'job:');
        for (const { owner, priority, count, served } of loads) {
          await submit(owner, count, { priority });
          await serve(served);
        }
        await submit('new', 1);
        const order = await serve(1000);
        const flows = new Set(order.filter((flow) => flow !== 'new:normal'));
        // Those of the turn that is served now go first: of each flow one batch.
        expect(order.indexOf('new:normal')).toBeLessThanOrEqual(2 * flows.size);
      }),
      { numRuns: 15 },
    );
  });
});

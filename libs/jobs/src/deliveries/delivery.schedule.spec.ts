import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from '../keys.js';
import { Replication } from '../replication.js';
import { DeliverySchedule } from './delivery.schedule.js';

const CAPS = { lane: 6, probation: 10 };
const HOLD_MS = 1000;

describe('DeliverySchedule', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: DeliverySchedule;
  const keys = new Keys('test');

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    sut = new DeliverySchedule(redis, keys, CAPS, new Replication(redis, keys, 0));
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(() => redis.flushall());

  const member = (lane: string, job: string | number, sequence = 1) =>
    `${lane}:443 job_${String(job)} ${String(sequence).padStart(6, '0')}`;
  const add = (due: number, ...members: string[]) =>
    sut.add(members.map((m) => ({ member: m, score: String(due) })));
  const take = async (now: number, most = 100) =>
    (await sut.take(now, HOLD_MS, most)).deliveries.map((taken) => taken.member);
  /** What is kept but for the standings of lanes, which go by themselves. */
  const left = async () => (await redis.keys('*')).filter((key) => !key.includes(':standing:'));
  /** A lane that has taken so many deliveries quickly. */
  async function proven(lane: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      await add(0, member(lane, 'first'));
      await take(0);
      await sut.settle(member(lane, 'first'), { lane: 'quick' });
    }
  }
  const many = (lane: string, count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => member(lane, from + i));

  it('gives what is due, the longest due first, and says when there is more', async () => {
    await add(20, member('b', 2));
    await add(10, member('a', 1));
    await add(30, member('c', 3));
    const { deliveries, next } = await sut.take(25, HOLD_MS, 10);
    expect(deliveries).toEqual([
      { lane: 'a:443', jobId: 'job_1', sequence: 1, member: member('a', 1) },
      { lane: 'b:443', jobId: 'job_2', sequence: 1, member: member('b', 2) },
    ]);
    expect(next).toBe(30);
    expect(await take(29)).toEqual([]);
    expect(await take(30, 1)).toEqual([member('c', 3)]);
  });

  it('knows of nothing to wait for where there is nothing', async () => {
    expect(await sut.take(1, HOLD_MS, 10)).toEqual({ deliveries: [], next: Infinity });
  });

  it('holds up no lane for another, however much waits in that', async () => {
    await add(1, ...many('hangs', 1000));
    await add(2, member('works', 'a'), member('works', 'b'));
    expect(await take(2)).toEqual([
      ...[0, 1, 10, 100].map((i) => member('hangs', i)),
      member('works', 'a'),
      member('works', 'b'),
    ]);
    expect(await take(500)).toEqual([]);
    await sut.settle(member('hangs', 1), {});
    expect(await take(500)).toEqual([member('hangs', 101)]);
  });

  it('holds up no lane that takes its deliveries for any number of lanes that do not', async () => {
    await proven('works', 1);
    for (let i = 0; i < 50; i++) await add(1, ...many(`hangs${String(i)}`, 5, 1000 + 10 * i));
    await add(2, ...many('works', 3));
    const taken = await take(2);
    expect(taken.filter((m) => m.startsWith('hangs'))).toHaveLength(CAPS.probation);
    expect(taken.filter((m) => m.startsWith('works'))).toHaveLength(3);
    expect((await sut.take(2, HOLD_MS, 10)).next).toBe(2 + HOLD_MS);
    const [first = ''] = taken;
    await sut.settle(first, { lane: 'failing' });
    const [next, ...others] = await take(2);
    expect(next).toMatch(/^hangs/);
    expect(others).toEqual([]);
  });

  it('gives a lane more room with each delivery that it takes quickly, up to its cap', async () => {
    await add(1, ...many('x', 30));
    expect(await take(1)).toHaveLength(4);
    for (const [quick, room] of [
      [1, 5],
      [2, 6],
      [3, 6],
    ] as const) {
      await redis.flushall();
      await proven('x', quick);
      await add(1, ...many('x', 30));
      expect(await take(1)).toHaveLength(room);
    }
  });

  it('takes half of its room from a lane with each failure, and leaves it one place', async () => {
    await proven('x', 3);
    await add(1, ...many('x', 30));
    const held = await take(1);
    expect(held).toHaveLength(6);
    for (const m of held) await sut.settle(m, { lane: 'failing' });
    const [probe = '', ...others] = await take(1);
    expect(others).toEqual([]);
    await sut.settle(probe, { lane: 'quick' });
    expect(await take(1)).toHaveLength(2);
  });

  it('puts a slow lane on probation, with the room that it has', async () => {
    await proven('x', 2);
    await add(1, member('x', 1));
    await take(1);
    await sut.settle(member('x', 1), { lane: 'slow' });
    for (let i = 0; i < 5; i++) await add(1, ...many(`hangs${String(i)}`, 5, 1000 + 10 * i));
    await add(2, ...many('x', 9));
    expect((await take(2)).filter((m) => m.startsWith('x'))).toEqual([]);
    await redis.flushall();
    await proven('x', 2);
    await add(1, member('x', 1));
    await take(1);
    await sut.settle(member('x', 1), { lane: 'slow' });
    await add(2, ...many('x', 9));
    expect(await take(2)).toHaveLength(6);
  });

  it('forgets in time how a lane stands', async () => {
    await proven('x', 1);
    expect(await redis.pttl(`${keys.standingPrefix}x:443`)).toBeGreaterThan(3_500_000);
    expect(await left()).toEqual([]);
  });

  it('gives the events of a job one at a time, in order, and others of their lane meanwhile', async () => {
    await add(1, member('x', 1, 2), member('x', 1, 10), member('x', 1, 1), member('x', 2, 1));
    expect(await take(1)).toEqual([member('x', 1, 1), member('x', 2, 1)]);
    await sut.settle(member('x', 2, 1), {});
    expect(await take(1)).toEqual([]);
    // It is to be tried again, but that holds up no later event.
    await sut.settle(member('x', 1, 1), { nextAt: 1000 });
    expect(await take(1)).toEqual([member('x', 1, 2)]);
    await sut.settle(member('x', 1, 2), {});
    expect(await take(1)).toEqual([member('x', 1, 10)]);
  });

  it('finds what may go behind a hundred events that may not', async () => {
    const blocked = Array.from({ length: 120 }, (_, i) => member('x', 1, i + 1));
    await add(1, ...blocked);
    await add(2, member('x', 2));
    expect(await take(5)).toEqual([member('x', 1, 1), member('x', 2)]);
    await sut.settle(member('x', 1, 1), {});
    expect(await take(5)).toEqual([member('x', 1, 2)]);
  });

  it('wakes for others of a lane whose first one waits for another of its job', async () => {
    await add(1, member('x', 1, 1), member('x', 1, 2));
    await add(50, member('x', 2));
    expect((await sut.take(1, HOLD_MS, 10)).next).toBe(50);
    expect(await take(50)).toEqual([member('x', 2)]);
  });

  it('gives again what was to be tried again, when it is time', async () => {
    await add(1, member('x', 1));
    await take(1);
    expect(await sut.settle(member('x', 1), { nextAt: 50, lane: 'failing' })).toBe(true);
    expect(await sut.take(49, HOLD_MS, 1)).toEqual({ deliveries: [], next: 50 });
    expect(await take(50)).toEqual([member('x', 1)]);
  });

  it('gives what a courier has not settled in time to the next one, once', async () => {
    await add(1, ...many('x', 3));
    const lost = await take(1);
    expect(await take(HOLD_MS)).toEqual([]);
    expect((await sut.take(HOLD_MS, HOLD_MS, 10)).next).toBe(1 + HOLD_MS);
    expect(await take(1 + HOLD_MS)).toEqual(lost);
    expect(await take(1 + HOLD_MS)).toEqual([]);
    for (const m of lost) expect(await sut.settle(m, {})).toBe(true);
    // The first courier lives after all.
    expect(await sut.settle(lost[0] ?? '', { nextAt: 7 })).toBe(false);
    expect(await left()).toEqual([]);
  });

  it('does not put off what is there, hastens it, and gives once more what was put in while under way', async () => {
    await add(100, member('x', 1));
    await add(200, member('x', 1));
    expect(await take(100)).toEqual([member('x', 1)]);
    await add(1, member('x', 1));
    expect(await take(100)).toEqual([]);
    await sut.settle(member('x', 1), { nextAt: 1000 });
    await add(300, member('x', 1));
    expect(await take(300)).toEqual([member('x', 1)]);
    await add(300, member('x', 1));
    await sut.settle(member('x', 1), {});
    expect(await take(2000)).toEqual([member('x', 1)]);
    await sut.settle(member('x', 1), {});
    expect(await left()).toEqual([]);
  });

  it('counts right, whatever happens in whatever order', async () => {
    let now = 1;
    const held: string[] = [];
    for (let i = 0; i < 400; i++) {
      now += 7;
      await add(now + (i % 5), member(`lane${String((i % 50) % 4)}`, i % 50, 1 + (i % 3)));
      held.push(...(await take(now, 1 + (i % 3))));
      const m = i % 3 === 0 ? held.shift() : held.pop();
      const lane = (['quick', 'failing', 'slow', undefined] as const)[i % 4];
      if (m && i % 11) await sut.settle(m, { nextAt: i % 7 ? undefined : now + 20, lane });
      const [lanes = '', probation = '', taken = '', probes = '', busy = ''] = keys.schedule;
      const counts = Object.entries(await redis.hgetall(busy));
      const members = await redis.zrange(taken, 0, '-1');
      for (const [lane, count] of counts) {
        expect(members.filter((t) => t.startsWith(`${lane} `))).toHaveLength(Number(count));
        expect(Number(count)).toBeLessThanOrEqual(CAPS.lane);
      }
      expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(members.length);
      expect((await redis.zcard(lanes)) + (await redis.zcard(probation))).toBeLessThanOrEqual(4);
      expect(await redis.scard(probes)).toBeLessThanOrEqual(CAPS.probation);
      for (const m of await redis.smembers(probes)) expect(members).toContain(m);
    }
    // All of it comes to an end.
    for (let rounds = 0; rounds < 1000; rounds++) {
      now += HOLD_MS;
      const taken = await take(now);
      if (taken.length === 0) break;
      for (const m of taken) await sut.settle(m, { lane: 'quick' });
    }
    expect(await left()).toEqual([]);
  });
});

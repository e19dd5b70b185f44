import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { DeliveryAttempt } from '#libs/contracts';
import { jobSpecOf, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from '../job-id.js';
import { JobIndex } from '../job.index.js';
import { JobStore } from '../job.store.js';
import { Keys } from '../keys.js';
import { type Delivery, deliveryId, parseDeliveryId } from './delivery.js';
import { DeliveryLog } from './delivery.log.js';
import { Outbox } from './outbox.js';

const MODEL = 'iris';
const OWNER = 'ann';
const keys = new Keys('test');

function attemptOf(attempt: number, about: Partial<DeliveryAttempt> = {}): DeliveryAttempt {
  return {
    attempt,
    at: '2026-11-21T12:00:00.000Z',
    outcome: 'refused',
    status: 500,
    latency_ms: 3,
    response: 'no "thanks"\n',
    error: null,
    ...about,
  };
}

describe('DeliveryLog', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;
  let outbox: Outbox;
  let sut: DeliveryLog;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    store = new JobStore(redis, keys);
    outbox = new Outbox(redis, keys);
    sut = new DeliveryLog(redis, keys);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(() => redis.flushall());

  /** A job with two events: started, and canceled. */
  async function job(): Promise<string> {
    const spec = jobSpecOf(newJobId(partitionOfModel(MODEL)), {
      owner: OWNER,
      webhook: { url: 'http://x.example.com:8080/', events: ['started', 'canceled'] },
    });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    await store.begin(MODEL, [spec.id]);
    await store.cancel(MODEL, [spec]);
    await outbox.clear(MODEL, await outbox.first(MODEL, 10));
    return spec.id;
  }

  const first = (jobId: string): Delivery => ({ jobId, sequence: 1 });
  const page = async (jobId: string) => (await sut.page(jobId, { after: 0, limit: 20 })).data;
  const out = async () => (await outbox.first(MODEL, 100)).map(({ member }) => member);
  const fail = async (delivery: Delivery) => {
    await sut.gaveUp(OWNER, MODEL, delivery);
    const state = { status: 'failed', failure: 'receiver-gone', attempts: 1, tried: 1 } as const;
    return sut.write(delivery, state, attemptOf(1));
  };

  it('shows a delivery that nobody has tried', async () => {
    const id = await job();
    expect(await page(id)).toMatchObject([
      {
        id: deliveryId(first(id)),
        object: 'delivery',
        job_id: id,
        event: 'started',
        sequence: 1,
        status: 'pending',
        failure: null,
        next_attempt_at: null,
        attempts: 0,
        attempt_log: [],
      },
      { event: 'canceled', sequence: 2 },
    ]);
  });

  it('keeps every attempt, when the next one is, and how many are pending', async () => {
    const id = await job();
    const pending = { status: 'pending', attempts: 1, tried: 1, nextAt: 5000 } as const;
    expect(await sut.write(first(id), pending, attemptOf(1))).toBe(2);
    const taken = attemptOf(2, { outcome: 'delivered', status: 204, response: '' });
    const delivered = { status: 'delivered', attempts: 2, tried: 2 } as const;
    expect((await page(id))[0]).toMatchObject({
      status: 'pending',
      next_attempt_at: '1970-01-01T00:00:05.000Z',
    });
    expect(await sut.write(first(id), delivered, taken)).toBe(1);
    // By another courier, which had it too.
    expect(await sut.write(first(id), delivered, taken)).toBe(1);
    expect((await page(id))[0]).toMatchObject({
      status: 'delivered',
      next_attempt_at: null,
      attempts: 2,
      attempt_log: [attemptOf(1), taken],
    });
    expect(await fail({ jobId: id, sequence: 2 })).toBe(0);
  });

  it('keeps the latest fifty', async () => {
    const id = await job();
    for (let n = 1; n <= 60; n++) {
      await sut.write(first(id), { status: 'pending', attempts: n, tried: n }, attemptOf(n));
    }
    const [view] = await page(id);
    expect(view?.attempts).toBe(60);
    const kept = view?.attempt_log.map(({ attempt }) => attempt);
    expect(kept).toEqual(Array.from({ length: 50 }, (_, i) => 11 + i));
    expect(await redis.hlen(keys.deliveries(id))).toBeLessThan(56);
  });

  it('goes through a job’s deliveries page by page', async () => {
    const id = await job();
    const { data, more } = await sut.page(id, { after: 0, limit: 1 });
    expect(data.map(({ sequence }) => sequence)).toEqual([1]);
    expect(more).toBe(true);
    const rest = await sut.page(id, { after: 1, limit: 1 });
    expect(rest.data.map(({ sequence }) => sequence)).toEqual([2]);
    expect(rest.more).toBe(false);
    expect(await sut.page(id, { after: 2, limit: 1 })).toEqual({ data: [], more: false });
  });

  it('puts out again what is asked for, whatever became of it, and tells its attempts on', async () => {
    const id = await job();
    await sut.write(first(id), { status: 'delivered', attempts: 1, tried: 1 }, attemptOf(1));
    expect(await sut.redeliver(id, MODEL, [1, 2, 3])).toBe(2);
    const member = `ann@x.example.com:8080 ${id} 00000`;
    expect((await out()).sort()).toEqual([`${member}1`, `${member}2`]);
    const again = { status: 'pending', tried: 0, asked: 1 };
    expect((await sut.find(first(id)))?.state).toEqual({ ...again, attempts: 1 });
    const state = { status: 'delivered', attempts: 2, tried: 1, asked: 1 } as const;
    expect(await sut.write(first(id), state, attemptOf(2))).toBe(1);
  });

  it('puts out again what has failed, where nothing is named, and nothing else', async () => {
    const id = await job();
    expect(await sut.redeliver(id, MODEL)).toBe(0);
    expect(await out()).toEqual([]);
    await fail({ jobId: id, sequence: 2 });
    expect(await sut.redeliver(id, MODEL)).toBe(1);
    expect(await out()).toHaveLength(1);
    expect(await sut.redeliver(id, MODEL)).toBe(0);
  });

  it('puts out again what has failed of very many', async () => {
    const id = await job();
    await redis.hset(keys.record(id), 'sequence', 1201);
    const event = await redis.hget(keys.deliveries(id), '1');
    for (const sequence of [500, 501, 1201]) {
      await redis.hset(keys.deliveries(id), sequence, event ?? '');
      await fail({ jobId: id, sequence });
    }
    expect(await sut.redeliver(id, MODEL)).toBe(3);
    expect((await out()).map((member) => member.slice(-6))).toEqual(['000500', '000501', '001201']);
  });

  it('puts out again all that a caller’s receivers have failed to take since', async () => {
    const ids: string[] = [];
    while (ids.length < 20) ids.push(await job());
    for (const id of ids) await fail(first(id));
    const [early = '', delivered = '', buried = ''] = ids;
    await redis.zadd(keys.failedDeliveries(OWNER), 1000, `${early} 1 ${MODEL}`);
    await sut.redeliver(delivered, MODEL);
    await outbox.clear(MODEL, await outbox.first(MODEL, 10));
    await redis.del(keys.record(buried), keys.deliveries(buried));
    expect(await sut.redeliverFailed('bob', 0)).toBe(0);
    expect(await sut.redeliverFailed(OWNER, 2000)).toBe(17);
    expect(await out()).toHaveLength(17);
    expect(await sut.redeliverFailed(OWNER, 2000)).toBe(0);
    expect(await sut.redeliverFailed(OWNER, 0)).toBe(1);
  });

  it('does not lose a request to send it again while an attempt is under way', async () => {
    const id = await job();
    const known = await sut.find(first(id));
    expect(await sut.redeliver(id, MODEL, [1])).toBe(1);
    const { asked } = known?.state ?? {};
    const state = { status: 'failed', failure: 'attempts-exhausted', asked } as const;
    expect(await sut.write(first(id), { ...state, attempts: 1, tried: 18 }, attemptOf(1))).toBe(2);
    expect((await sut.find(first(id)))?.state).toMatchObject({
      status: 'pending',
      attempts: 1,
      tried: 0,
      asked: 1,
    });
    expect((await page(id))[0]?.attempt_log).toEqual([attemptOf(1)]);
  });

  it('does not have a courier that was too slow undo what another one has delivered', async () => {
    const id = await job();
    await sut.write(first(id), { status: 'delivered', attempts: 1, tried: 1 }, attemptOf(1));
    const late = { status: 'pending', attempts: 1, tried: 1, nextAt: 5000 } as const;
    expect(await sut.write(first(id), late, attemptOf(1))).toBe(1);
    expect((await page(id))[0]?.status).toBe('delivered');
  });

  it('keeps a job as long as what was asked for again may take', async () => {
    const id = await job();
    await sut.write(first(id), { status: 'delivered', attempts: 1, tried: 1 }, attemptOf(1));
    const record = await store.find(id);
    if (record) await store.expireInTime(record);
    const index = new JobIndex(redis, keys);
    const inAWeek = Date.now() + 7 * 86_400_000;
    expect(await index.over(MODEL, inAWeek, 10)).toHaveLength(1);
    await sut.redeliver(id, MODEL, [1]);
    expect(await index.over(MODEL, inAWeek, 10)).toEqual([]);
  });

  it('forgets in time what nobody asks for', async () => {
    await fail(first(await job()));
    expect(await redis.pttl(keys.failedDeliveries(OWNER))).toBeGreaterThan(0);
  });

  it('names a delivery by its job and place', () => {
    const id = newJobId(1);
    const name = deliveryId({ jobId: id, sequence: 12 });
    expect(name).toBe(`msg_${id.slice(4)}_12`);
    expect(parseDeliveryId(name)).toEqual({ jobId: id, sequence: 12 });
    for (const other of ['', 'msg_', id, `${name}x`, name.replace('12', '0'), name.toUpperCase()]) {
      expect(parseDeliveryId(other)).toBeNull();
    }
  });
});

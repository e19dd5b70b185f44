import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from '../keys.js';
import { Receivers } from './receivers.js';

const DAY_MS = 86_400_000;
const ANN = { owner: 'ann', url: 'https://a.example.com/hook?token=1' };
const BOB = { ...ANN, owner: 'bob' };
const FAILED = { outcome: 'refused', status: 500 } as const;
const DOWN = { outcome: 'unreachable', status: null } as const;

describe('Receivers', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: Receivers;
  let now: number;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    sut = new Receivers(redis, new Keys('test'), 5 * DAY_MS);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(async () => {
    await redis.flushall();
    now = Date.parse('2026-11-21T00:00:00Z');
    jest.spyOn(Date, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('knows nothing against a receiver that works', async () => {
    expect(await sut.find(ANN)).toBeNull();
    await sut.recovered(ANN);
    expect(await sut.list('ann', { limit: 10 })).toEqual({ data: [], next: null });
  });

  it('says since when one fails, and how it failed last', async () => {
    expect(await sut.failed(ANN, FAILED)).toBe(false);
    now += 1000;
    expect(await sut.failed(ANN, DOWN)).toBe(false);
    expect(await sut.find(ANN)).toMatchObject({
      object: 'receiver',
      url: ANN.url,
      failing_since: '2026-11-21T00:00:00.000Z',
      last_failure_at: '2026-11-21T00:00:01.000Z',
      last_outcome: 'unreachable',
      last_status: null,
      disabled_at: null,
      disabled_because: null,
    });
    expect(await sut.find(BOB)).toBeNull();
    await sut.recovered(ANN);
    expect(await sut.find(ANN)).toBeNull();
    expect(await redis.dbsize()).toBe(0);
  });

  it('disables one that fails for days, once', async () => {
    await sut.failed(ANN, FAILED);
    now += 5 * DAY_MS - 1;
    expect(await sut.failed(ANN, FAILED)).toBe(false);
    now += 1;
    expect(await sut.failed(ANN, FAILED)).toBe(true);
    expect(await sut.failed(ANN, FAILED)).toBe(false);
    expect(await sut.find(ANN)).toMatchObject({
      disabled_at: '2026-11-26T00:00:00.000Z',
      disabled_because: 'failing',
    });
  });

  it('does not count days before it last took something', async () => {
    await sut.failed(ANN, FAILED);
    now += 4 * DAY_MS;
    await sut.recovered(ANN);
    await sut.failed(ANN, FAILED);
    now += 4 * DAY_MS;
    expect(await sut.failed(ANN, FAILED)).toBe(false);
  });

  it('disables at once one that says it is gone', async () => {
    expect(await sut.failed(ANN, { outcome: 'gone', status: 410 })).toBe(true);
    expect(await sut.find(ANN)).toMatchObject({ disabled_because: 'gone', last_status: 410 });
  });

  it('enables one again, of its owner alone, which has its days anew', async () => {
    await sut.failed(ANN, { outcome: 'gone', status: 410 });
    const id = (await sut.find(ANN))?.id ?? '';
    expect(await sut.enable('bob', id)).toBeNull();
    expect(await sut.enable('ann', 'rcv_unknown')).toBeNull();
    now += 6 * DAY_MS;
    for (let i = 0; i < 2; i++) {
      expect(await sut.enable('ann', id)).toMatchObject({ id, disabled_at: null });
    }
    expect(await sut.find(ANN)).toMatchObject({ disabled_at: null, disabled_because: null });
    expect(await sut.failed(ANN, FAILED)).toBe(false);
  });

  it('lists them latest first, page by page, also those of one millisecond', async () => {
    const urls = Array.from({ length: 7 }, (_, i) => `https://${String(i)}.example.com`);
    for (const url of urls) {
      if (Number(url.slice(8, 9)) % 3 === 0) now += 1;
      await sut.failed({ owner: 'ann', url }, FAILED);
    }
    await sut.failed(BOB, FAILED);
    const seen: string[] = [];
    let before: string | undefined;
    do {
      const { data, next } = await sut.list('ann', { before, limit: 2 });
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data.map(({ url, last_failure_at }) => `${last_failure_at} ${url}`));
      before = next ?? undefined;
    } while (before !== undefined);
    expect(seen.map((line) => line.slice(25)).sort()).toEqual(urls);
    const times = seen.map((line) => line.slice(0, 24));
    expect(times).toEqual([...times].sort().reverse());
  });

  it('forgets in time what nobody calls any more', async () => {
    await sut.failed(ANN, FAILED);
    expect(
      await redis.pttl(new Keys('test').receiver((await sut.find(ANN))?.id ?? '')),
    ).toBeGreaterThan(29 * DAY_MS);
    now += 31 * DAY_MS;
    await sut.failed({ ...ANN, url: 'https://other.example.com' }, FAILED);
    const { data } = await sut.list('ann', { limit: 10 });
    expect(data.map(({ url }) => url)).toEqual(['https://other.example.com']);
  });
});

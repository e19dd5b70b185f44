import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { IdempotencyStore, type KeyedRequest } from './idempotency.store.js';
import { Keys } from './keys.js';

const MISMATCH = { code: 'idempotency-mismatch' };

function request(about: Partial<KeyedRequest> = {}): KeyedRequest {
  return { owner: 'ann', key: 'order 17', fingerprint: 'f', ...about };
}

describe('IdempotencyStore', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: IdempotencyStore;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    sut = new IdempotencyStore(redis, new Keys('test'));
  });

  beforeEach(async () => {
    await redis.flushall();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('knows no job of a key that nobody has claimed', async () => {
    expect(await sut.find(request())).toBeNull();
  });

  it('lets a key stand for the first job that claims it', async () => {
    expect(await sut.claim(request(), 'job_1')).toBe('job_1');
    expect(await sut.claim(request(), 'job_2')).toBe('job_1');
    expect(await sut.find(request())).toBe('job_1');
  });

  it('has one winner among many that claim at once, over several connections', async () => {
    const others = Array.from({ length: 4 }, () => new Redis(server.url));
    const stores = others.map((other) => new IdempotencyStore(other, new Keys('test')));
    const claims = stores.flatMap((store, i) =>
      Array.from({ length: 25 }, (_, j) => store.claim(request(), `job_${String(i)}_${String(j)}`)),
    );
    expect(new Set(await Promise.all(claims)).size).toBe(1);
    for (const other of others) other.disconnect();
  });

  it('refuses a key that comes with something else', async () => {
    await sut.claim(request(), 'job_1');
    await expect(sut.find(request({ fingerprint: 'g' }))).rejects.toMatchObject(MISMATCH);
    await expect(sut.claim(request({ fingerprint: 'g' }), 'job_2')).rejects.toMatchObject(MISMATCH);
    expect(await sut.find(request())).toBe('job_1');
  });

  it('keeps callers apart, and no owner and key can pass for another pair', async () => {
    await sut.claim(request(), 'job_1');
    for (const other of [
      request({ owner: 'bob' }),
      request({ key: 'order 18' }),
      request({ owner: '', key: 'annorder 17' }),
      request({ owner: 'annorder', key: ' 17' }),
    ]) {
      expect(await sut.find(other)).toBeNull();
    }
  });

  it('holds for a day from the first claim on, and shows nothing of the key', async () => {
    await sut.claim(request(), 'job_1');
    const [name = ''] = await redis.keys('*');
    expect(name).not.toContain('order');
    await redis.pexpire(name, 5000);
    await sut.claim(request(), 'job_1');
    expect(await redis.pttl(name)).toBeLessThanOrEqual(5000);
    await redis.flushall();
    await sut.claim(request(), 'job_1');
    const left = await redis.pttl(name);
    expect(left).toBeGreaterThan(86_400_000 - 60_000);
    expect(left).toBeLessThanOrEqual(86_400_000);
  });
});

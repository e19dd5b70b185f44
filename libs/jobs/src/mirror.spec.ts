import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Mirror } from './mirror.js';

describe('Mirror', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: Mirror<string> | undefined;

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    redis.on('error', () => undefined);
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    sut?.close();
    redis.disconnect();
    await server.stop();
  });

  it('looks again after a look that failed', async () => {
    const answers = [() => 'first', () => Promise.reject(new Error('away')), () => 'last'];
    const seen: string[] = [];
    const last = new Promise<void>((resolve) => {
      sut = new Mirror(
        redis,
        'channel',
        async () => (answers.shift() ?? (() => 'more'))(),
        (copy) => {
          seen.push(copy);
          if (copy === 'last') resolve();
        },
      );
    });
    await sut?.open();
    await redis.publish('channel', '');
    await last;
    expect(seen).toEqual(['first', 'last']);
  });

  it('never puts an older answer in the place of a newer one', async () => {
    let free: (text: string) => void = () => undefined;
    const slow = new Promise<string>((resolve) => (free = resolve));
    const answers = [slow, Promise.resolve('newer')];
    const seen: string[] = [];
    sut = new Mirror(
      redis,
      'channel',
      () => answers.shift() ?? Promise.resolve('more'),
      (copy) => seen.push(copy),
    );
    const looks = [sut.look(), sut.look()];
    free('older');
    await Promise.all(looks);
    expect(seen).toEqual(['older', 'newer']);
  });

  it('looks now and then although nothing was told, as a connection may be dead unnoticed', async () => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    let value = 'before';
    const seen: string[] = [];
    sut = new Mirror(
      redis,
      'channel',
      () => Promise.resolve(value),
      (copy) => seen.push(copy),
    );
    await sut.open();
    value = 'after';
    const [look, afterMs] = timers.mock.calls.at(-1) as [() => void, number];
    expect(afterMs).toBeLessThanOrEqual(15_000);
    look();
    await sut.look();
    expect(seen).toEqual(['before', 'after', 'after']);
  });
});

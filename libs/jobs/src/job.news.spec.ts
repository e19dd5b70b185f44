import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { JobNews } from './job.news.js';
import { Keys } from './keys.js';

const keys = new Keys('test');

describe('JobNews', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: JobNews;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });

  beforeEach(async () => {
    sut = new JobNews(redis, keys);
    await sut.open();
  });

  afterEach(() => {
    sut.onApplicationShutdown();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const tell = (message: string) => redis.publish(keys.jobChannel, message);

  /** Resolves when the watcher of `id` is woken next. */
  function nextOf(id: string): Promise<void> {
    return new Promise((resolve) => {
      const unwatch = sut.watch(id, () => {
        unwatch();
        resolve();
      });
    });
  }

  it('wakes everybody who watches one of the jobs, and nobody else', async () => {
    const heard: string[] = [];
    sut.watch('a', () => heard.push('a1'));
    sut.watch('a', () => heard.push('a2'));
    sut.watch('b', () => heard.push('b'));
    sut.watch('ab', () => heard.push('ab'));
    const last = nextOf('last');
    await tell('x a ab');
    await tell('last');
    await last;
    expect(heard).toEqual(['a1', 'a2', 'ab']);
  });

  it('calls nobody who has left, however often they say so, and lets them leave when called', async () => {
    const heard: string[] = [];
    const leave = sut.watch('a', () => heard.push('left'));
    leave();
    const once = sut.watch('a', () => {
      heard.push('once');
      once();
    });
    sut.watch('a', () => heard.push('stays'));
    leave();
    const last = nextOf('last');
    await tell('a');
    await tell('a last');
    await last;
    expect(heard).toEqual(['once', 'stays', 'stays']);
  });

  it('wakes everybody when its connection is back, and hears again what is told', async () => {
    const woken = [nextOf('a'), nextOf('b')];
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await Promise.all(woken);
    const told = nextOf('a');
    expect(await tell('a')).toBe(1);
    await told;
  });

  it('keeps one connection for all, and gives it back at shutdown', async () => {
    for (let i = 0; i < 100; i++) sut.watch(String(i), () => undefined);
    expect(await redis.pubsub('NUMSUB', keys.jobChannel)).toEqual([keys.jobChannel, 1]);
    sut.onApplicationShutdown();
    while (Number((await redis.pubsub('NUMSUB', keys.jobChannel))[1]) > 0);
  });
});

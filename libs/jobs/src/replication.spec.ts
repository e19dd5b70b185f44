import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { Replication } from './replication.js';

const keys = new Keys('test');

describe('Replication', () => {
  let master: TestRedis;
  let replica: TestRedis;
  let redis: Redis;
  let sut: Replication;

  beforeEach(async () => {
    master = await startTestRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    redis = new Redis(master.url);
    replica = await startTestRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    while ((await redis.wait(1, 100)) === 0);
    sut = new Replication(redis, keys, 1);
  });

  afterEach(async () => {
    sut.onApplicationShutdown();
    redis.disconnect();
    await Promise.all([master.stop(), replica.stop()]);
  });

  it('waits until a replica has what was written', async () => {
    const copy = new Redis(replica.url);
    for (let i = 0; i < 50; i++) {
      await redis.set('job', i);
      await sut.reached('iris');
      expect(await copy.get('job')).toBe(String(i));
    }
    copy.disconnect();
  });

  it('tells all who wait when there is no replica', async () => {
    await replica.stop();
    const asked = ['iris', 'iris', 'digits'].map((model) => sut.reached(model));
    for (const one of await Promise.allSettled(asked)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'queue-unavailable' } });
    }
    expect(await redis.set('other', 'commands')).toBe('OK');
  });

  it('waits for nothing where no replica is wanted', async () => {
    await replica.stop();
    await new Replication(redis, keys, 0).reached('iris');
    expect(await redis.dbsize()).toBe(0);
  });
});

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { startTestCluster, type TestCluster } from '#libs/testing';
import { openRedis } from './redis.js';
import { RedisHealth } from './redis.health.js';
import { subscribe } from './subscribe.js';

// Six servers come up, and a replica takes over.
jest.setTimeout(60_000);

describe('a Redis Cluster', () => {
  let nodes: TestCluster;

  beforeAll(async () => {
    nodes = await startTestCluster();
  });

  afterAll(async () => {
    await nodes.stop();
  });

  it('is known by any of its nodes', async () => {
    const [first] = nodes.nodes;
    const redis = await openRedis(first?.url ?? '', { failFast: true });
    expect(redis).toBeInstanceOf(Cluster);
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => redis.set(key, key)));
    expect(await redis.get('d')).toBe('d');
    redis.disconnect();
  });

  it('asks no more of a node than its user may', async () => {
    const operators = nodes.nodes.map(({ url }) => new Redis(url));
    const file = await readFile(
      new URL('../../../deploy/redis/users.acl', import.meta.url),
      'utf8',
    );
    const [, rules = ''] = /^user worker (.*)$/m.exec(file) ?? [];
    const own = rules.replace(/#<.*?>/, '>secret').split(' ');
    for (const operator of operators) await operator.acl('SETUSER', 'worker', ...own);
    const url = nodes.url.replace('//', '//worker:secret@');
    const redis = await openRedis(url, { failFast: false });
    await new RedisHealth(redis).ping();
    const stop = await subscribe(redis, 'foretell:jobs', () => undefined);
    await redis.set('{foretell:000}:a', 'b');
    await redis.publish('foretell:jobs', 'x');
    stop();
    redis.disconnect();
    const denials = await Promise.all(operators.map((operator) => operator.acl('LOG')));
    expect(denials.flat()).toEqual([]);
    for (const operator of operators) operator.disconnect();
  });

  it('is used while some of its nodes are away, and loses no news', async () => {
    const redis = await openRedis(nodes.url.replace('//', '//127.0.0.1:1,'), { failFast: false });
    const health = new RedisHealth(redis);
    await health.ping();
    const heard: string[] = [];
    let gaps = 0;
    const stop = await subscribe(
      redis,
      'news',
      (message) => heard.push(message),
      () => gaps++,
    );
    await redis.publish('news', 'before');
    const [master] = nodes.nodes;
    await master?.stop();
    // A third of the slots is away until a replica takes over; whoever can wait, waits.
    const keys = Array.from({ length: 30 }, (_, i) => `key-${String(i)}`);
    await Promise.all(keys.map((key) => redis.set(key, key)));
    expect(await Promise.all(keys.map((key) => redis.get(key)))).toEqual(keys);
    await health.ping();
    await redis.publish('news', 'after');
    expect([heard.at(0), gaps <= 1]).toEqual(['before', true]);
    stop();
    redis.disconnect();
  });
});

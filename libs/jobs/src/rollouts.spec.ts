import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { Rollouts } from './rollouts.js';

describe('Rollouts', () => {
  let server: TestRedis;
  let connections: Redis[];
  let stores: Rollouts[];

  beforeEach(async () => {
    server = await startTestRedis();
    connections = [new Redis(server.url), new Redis(server.url)];
    stores = connections.map((redis) => new Rollouts(redis, new Keys('test')));
    await Promise.all(stores.map((store) => store.open()));
  });

  afterEach(async () => {
    for (const store of stores) store.onApplicationShutdown();
    for (const redis of connections) redis.disconnect();
    await server.stop();
  });

  const at = '2026-11-21T20:00:00.000Z';
  const set = (stable: string) => ({
    event: 'set' as const,
    at,
    by: 'ops',
    rollout: { stable, canary: { version: '2', percent: 0.5 } },
  });

  it('holds at once where it was changed, and is kept with what was before', async () => {
    const [sut] = stores;
    expect(sut?.get('iris')).toBeUndefined();
    await sut?.change('iris', set('1'));
    await sut?.change('iris', { event: 'removed', at, by: '', rollout: null });
    expect(sut?.get('iris')).toEqual({ revision: 2, event: 'removed', at, by: '', rollout: null });
    expect(await sut?.log('iris')).toEqual([
      { revision: 2, event: 'removed', at, by: '', rollout: null },
      { revision: 1, ...set('1') },
    ]);
    expect(sut?.get('digits')).toBeUndefined();
  });

  it('of two that change what both have seen, one does', async () => {
    await stores[0]?.change('iris', set('1'));
    const changes = await Promise.all(
      stores.map((store, i) => store.change('iris', set(String(i + 5)), 1)),
    );
    expect(changes.filter(Boolean)).toHaveLength(1);
    expect(await stores[0]?.log('iris')).toHaveLength(2);
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { WebhookTarget } from '#libs/contracts';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { WebhookDefaults } from './webhook.defaults.js';

const keys = new Keys('test');
const HERE: WebhookTarget = { url: 'https://example.com/here', events: ['succeeded', 'failed'] };
const THERE: WebhookTarget = { url: 'https://example.com/there', events: ['started'] };

describe('WebhookDefaults', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: WebhookDefaults;
  let other: WebhookDefaults;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });

  beforeEach(async () => {
    await redis.flushall();
    sut = new WebhookDefaults(redis, keys);
    other = new WebhookDefaults(redis, keys);
    await sut.open();
    await other.open();
  });

  afterEach(() => {
    sut.onApplicationShutdown();
    other.onApplicationShutdown();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await redis.ping();
  }

  it('holds at once where it was set, and soon in other processes', async () => {
    expect(sut.get('ann')).toBeNull();
    await sut.set('ann', HERE);
    expect(sut.get('ann')).toEqual(HERE);
    await until(() => other.get('ann') !== null);
    expect(other.get('ann')).toEqual(HERE);
    expect(other.get('bob')).toBeNull();
    await other.set('ann', THERE);
    await until(() => sut.get('ann')?.url === THERE.url);
    expect(sut.get('ann')).toEqual(THERE);
  });

  it('is gone once it is removed, as often as it is', async () => {
    await sut.set('', HERE);
    await sut.set('bob', THERE);
    await other.remove('');
    await other.remove('');
    expect(other.get('')).toBeNull();
    await until(() => sut.get('') === null);
    expect(sut.get('bob')).toEqual(THERE);
  });

  it('is known to a process that starts later', async () => {
    await sut.set('ann', HERE);
    const later = new WebhookDefaults(redis, keys);
    await later.open();
    later.onApplicationShutdown();
    expect(later.get('ann')).toEqual(HERE);
  });

  it('is read again when the connection that hears of changes was away', async () => {
    await redis.hset(keys.webhookDefaults, 'ann', JSON.stringify(HERE));
    expect(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(2);
    await until(() => sut.get('ann') !== null && other.get('ann') !== null);
  });

  it('ends with what was set last, whatever was set at once', async () => {
    const targets = Array.from({ length: 20 }, (_, i) => ({ ...HERE, url: `https://x.com/${i}` }));
    await Promise.all(targets.map((target, i) => (i % 2 ? sut : other).set('ann', target)));
    const last = JSON.parse((await redis.hget(keys.webhookDefaults, 'ann')) ?? '') as WebhookTarget;
    await until(() => [sut, other].every((one) => one.get('ann')?.url === last.url));
  });
});

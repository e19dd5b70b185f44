import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { FaultProxy } from './fault.proxy.js';
import { runs } from './scripts.js';

const is = (wanted: string) => (command: { name: string }) => command.name === wanted;

describe('FaultProxy', () => {
  let redis: TestRedis;
  let proxy: FaultProxy;
  /** Straight to Redis. */
  let direct: Redis;
  let client: Redis;

  beforeEach(async () => {
    redis = await startTestRedis();
    proxy = await FaultProxy.start(redis.port);
    direct = new Redis(redis.url);
    client = new Redis(proxy.url, { retryStrategy: () => 10, maxRetriesPerRequest: 0 });
    client.on('error', () => undefined);
    await client.ping();
  });

  afterEach(async () => {
    client.disconnect();
    direct.disconnect();
    await proxy.stop();
    await redis.stop();
  });

  const connected = async () => {
    const list = String(await direct.client('LIST'));
    return list.trim().split('\n').length - 1;
  };

  it('passes everything on, also large and at once', async () => {
    const large = 'x'.repeat(3_000_000);
    const sets = Array.from({ length: 200 }, (_, i) => client.set(`k${i}`, i));
    await Promise.all([...sets, client.set('large', large)]);
    expect(await client.mget('k0', 'k199', 'large')).toEqual(['0', '199', large]);
  });

  it('delays each direction', async () => {
    proxy.shape({ up: { delayMs: 120 }, down: { delayMs: 80 } });
    const start = performance.now();
    // What is sent at once is late but once.
    await Promise.all(Array.from({ length: 10 }, () => client.ping()));
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThanOrEqual(195);
    expect(tookMs).toBeLessThan(10 * 200);
  });

  it('is as thin as it is told', async () => {
    proxy.shape({ up: { bytesPerS: 100_000 } });
    const start = performance.now();
    await client.set('k', 'x'.repeat(30_000));
    expect(performance.now() - start).toBeGreaterThanOrEqual(290);
  });

  it('cuts connections, and lets clients come back', async () => {
    const closed = new Promise((resolve) => client.once('close', resolve));
    expect(proxy.cut()).toBe(1);
    await closed;
    expect(await client.ping()).toBe('PONG');
  });

  it('refuses new ones until it heals', async () => {
    proxy.refuse(true);
    const failed = new Promise((resolve) => client.once('reconnecting', resolve));
    proxy.cut();
    await failed;
    expect(client.status).not.toBe('ready');
    proxy.heal();
    expect(await client.ping()).toBe('PONG');
  });

  it('lets connections become half-open: silent, and neither end hears of the other', async () => {
    expect(await connected()).toBe(1);
    expect(proxy.halfOpen()).toBe(1);
    let answered = false;
    const settled = () => (answered = true);
    client.set('lost', 1).then(settled, settled);
    const other = new Redis(proxy.url);
    expect(await other.get('lost')).toBeNull();
    expect(answered).toBe(false);
    expect(client.status).toBe('ready');
    client.disconnect();
    // Redis goes on holding the one whose client has gone.
    expect(await connected()).toBe(2);
    other.disconnect();
  });

  it.each(['cut', 'silent'] as const)(
    'loses the reply to a command that was run: %s',
    async (after) => {
      const lost = proxy.loseReplies(is('INCR'), 1, after);
      const reply = client.incr('n').then(
        () => 'answered',
        () => 'broken off',
      );
      await lost;
      if (after === 'cut') expect(await reply).toBe('broken off');
      else client.disconnect();
      while ((await direct.get('n')) === null);
      expect(await direct.get('n')).toBe('1');
      const other = new Redis(proxy.url);
      expect(await other.incr('n')).toBe(2);
      other.disconnect();
    },
  );

  it('knows scripts, of ours and of BullMQ, by their names', () => {
    for (const name of ['publish-batch', 'take', 'moveToActive'])
      expect(() => runs(name)).not.toThrow();
    expect(() => runs('nonsense')).toThrow('nonsense');
    const matches = runs('claim');
    expect(matches({ name: 'EVALSHA', args: ['0'.repeat(40)] })).toBe(false);
    expect(matches({ name: 'EVAL', args: ['return 1'] })).toBe(false);
  });
});

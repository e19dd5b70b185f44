import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { WorkerReport } from '#libs/contracts';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { type FleetCommand, FleetStore } from './fleet.store.js';
import { Keys } from './keys.js';

const keys = new Keys('test');

function report(id: string, model = 'iris'): WorkerReport {
  return {
    id,
    host: 'h',
    pid: 1,
    app_version: '0',
    execution_providers: ['cpu'],
    started_at: '',
    models: [{ model, versions: [] }],
  };
}

describe('FleetStore', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: FleetStore;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    sut = new FleetStore(redis, keys);
  });

  beforeEach(async () => {
    await redis.flushall();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const idsOf = async () => (await sut.read()).workers.map(({ id }) => id).sort();

  it('knows nobody at first', async () => {
    expect(await sut.read()).toEqual({ workers: [], lastCatalog: null });
  });

  it('tells what each worker said last', async () => {
    await sut.announce(report('a'), true);
    await sut.announce(report('b'), false);
    await sut.announce(report('a', 'digits'), false);
    expect(await idsOf()).toEqual(['a', 'b']);
    const { workers, lastCatalog } = await sut.read();
    expect(workers.find(({ id }) => id === 'a')).toEqual(report('a', 'digits'));
    expect(lastCatalog).toEqual([{ model: 'digits', versions: [] }]);
  });

  it('forgets who withdraws, and remembers what was served', async () => {
    await sut.announce(report('a'), false);
    await sut.withdraw('a');
    expect(await sut.read()).toEqual({ workers: [], lastCatalog: report('a').models });
    expect(await redis.zcard(keys.fleet)).toBe(0);
  });

  it('lets reports expire', async () => {
    await sut.announce(report('a'), false);
    const left = await redis.pttl(keys.worker('a'));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(15_000);
  });

  it('takes a worker whose report has expired for gone', async () => {
    await sut.announce(report('a'), false);
    await sut.announce(report('b'), false);
    await redis.unlink(keys.worker('a'));
    expect(await idsOf()).toEqual(['b']);
  });

  it('strikes silent workers off when another speaks', async () => {
    await sut.announce(report('a'), false);
    const [, spoke] = await redis.zrange(keys.fleet, 0, '-1', 'WITHSCORES');
    await redis.zadd(keys.fleet, Number(spoke) - 15_001, 'a');
    await sut.announce(report('b'), false);
    expect(await redis.zrange(keys.fleet, 0, '-1')).toEqual(['b']);
  });

  it('wakes whoever watches when a report changed, and not when it did not', async () => {
    let woken = 0;
    let wake: () => void = () => undefined;
    const stop = await sut.watch(() => {
      woken++;
      wake();
    });
    const next = () => new Promise<void>((resolve) => (wake = resolve));
    await sut.announce(report('a'), false);
    let heard = next();
    await sut.announce(report('a'), true);
    await heard;
    heard = next();
    await sut.withdraw('a');
    await heard;
    expect(woken).toBe(2);
    stop();
  });

  it('tells every worker what to do, in order, and nobody who has stopped listening', async () => {
    const commands: FleetCommand[] = [
      { type: 'load', model: 'iris', version: '1' },
      { type: 'unload', model: 'iris', version: '2' },
    ];
    const heard: FleetCommand[][] = [[], []];
    let allHeard: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (allHeard = resolve));
    const gone = await sut.onCommand(() => {
      throw new Error('it has stopped listening');
    });
    gone();
    const stops = await Promise.all(
      heard.map((list) =>
        sut.onCommand((command) => {
          list.push(command);
          if (heard.every(({ length }) => length === commands.length)) allHeard();
        }),
      ),
    );
    for (const command of commands) await sut.command(command);
    await done;
    expect(heard).toEqual([commands, commands]);
    for (const stop of stops) stop();
  });
});

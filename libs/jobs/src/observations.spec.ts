import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { Observations } from './observations.js';
import { Rollouts } from './rollouts.js';

const at = '2026-11-21T20:00:00.000Z';

describe('Observations', () => {
  let server: TestRedis;
  let redis: Redis;
  let rollouts: Rollouts;
  let processes: Observations[];

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    const keys = new Keys('test');
    rollouts = new Rollouts(redis, keys);
    processes = [1, 2].map(() => new Observations(redis, keys, rollouts));
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    redis.disconnect();
    await server.stop();
  });

  async function observe(version: string, counts: Record<string, number>): Promise<void> {
    for (const each of processes) each.add('iris', version, counts);
    await Promise.all(processes.map((each) => each.flush()));
  }

  it('adds up what several processes have counted, for each version by itself', async () => {
    await observe('1', { rows: 3, 'class/setosa': 1 });
    await observe('1', { rows: 1 });
    await observe('2', { rows: 1 });
    const [sut] = processes;
    expect(await sut?.recent('iris', '1', 3600)).toEqual({ rows: 8, 'class/setosa': 2 });
    expect(await sut?.recent('iris', '2', 3600)).toEqual({ rows: 2 });
    expect(await sut?.recent('digits', '1', 3600)).toEqual({});
  });

  it('leaves out what is older than the window', async () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(10_000_000_000);
    await observe('1', { rows: 1 });
    now.mockReturnValue(10_000_000_000 + 1000 * 1000);
    await observe('1', { rows: 10 });
    const [sut] = processes;
    expect(await sut?.recent('iris', '1', 300)).toEqual({ rows: 20 });
    expect(await sut?.recent('iris', '1', 1300)).toEqual({ rows: 22 });
  });

  it('counts anew whenever the rollout of the model changes', async () => {
    await observe('1', { rows: 1 });
    await rollouts.change('iris', { event: 'set', at, by: '', rollout: { stable: '1' } });
    await observe('1', { rows: 2, 'jobs/failed': 2, 'input/age/3': 2 });
    await observe('10', { 'class/a b': 2 });
    await rollouts.change('iris', { event: 'removed', at, by: '', rollout: null });
    await observe('1', { rows: 5 });
    const [sut] = processes;
    expect(await sut?.under('iris', 1)).toEqual(
      new Map([
        ['1', { 'jobs/failed': 4 }],
        ['10', { 'class/a b': 4 }],
      ]),
    );
    expect(await sut?.under('iris', 2)).toEqual(new Map());
    const all = { rows: 16, 'jobs/failed': 4, 'input/age/3': 4 };
    expect(await sut?.recent('iris', '1', 3600)).toEqual(all);
  });

  it('tells of what was written, and goes on after what was not', async () => {
    const told: string[] = [];
    const [sut] = processes;
    sut?.onWritten((...of) => told.push(of.join()));
    const broken = jest.spyOn(redis, 'observe').mockRejectedValueOnce(new Error('away'));
    sut?.add('iris', '1', { rows: 1 });
    await sut?.flush();
    expect(told).toEqual([]);
    expect(broken).toHaveBeenCalledTimes(1);
    sut?.add('iris', '1', { rows: 2 });
    await sut?.flush();
    expect(told).toEqual(['iris,1']);
    expect(await sut?.recent('iris', '1', 60)).toEqual({ rows: 2 });
  });
});

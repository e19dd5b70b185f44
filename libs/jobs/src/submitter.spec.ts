import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ProblemError } from '#libs/contracts';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from './job-id.js';
import { JobStore } from './job.store.js';
import { Keys } from './keys.js';
import { PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';
import { Submitter } from './submitter.js';

function specOf(model: string, id = newJobId(partitionOfModel(model))): JobSpec {
  return {
    id,
    model,
    version: '1',
    count: 3,
    many: true,
    owner: '',
    createdAt: 1,
    resultTtlS: 60,
    requestId: 'r',
    metadata: {},
    warnings: [],
    webhook: { url: 'https://example.com/secret', events: ['failed'] },
  };
}

describe('Submitter', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;
  let queues: PredictQueues;
  let sut: Submitter;

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url, {
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      disconnectTimeout: 1,
    });
    redis.on('error', () => undefined);
    await new Promise((resolve) => redis.once('ready', resolve));
    const keys = new Keys('test');
    store = new JobStore(redis, keys);
    queues = new PredictQueues(redis, keys, () => undefined);
    sut = new Submitter(store, queues);
  });

  afterEach(async () => {
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  const statuses = (specs: JobSpec[]) =>
    Promise.all(specs.map(async ({ id }) => (await store.find(id))?.status));

  async function refusals(specs: JobSpec[]): Promise<unknown[]> {
    const ends = await Promise.allSettled(specs.map((spec) => sut.submit(spec, '{}')));
    return ends.map((end) =>
      end.status === 'rejected' && end.reason instanceof ProblemError
        ? end.reason.code
        : end.status,
    );
  }

  it('accepts 200 at once, each with its record and its job', async () => {
    const specs = Array.from({ length: 200 }, () => specOf('iris'));
    await Promise.all(specs.map((spec) => sut.submit(spec, '{"input":1}')));
    expect(await statuses(specs)).toEqual(Array(200).fill('queued'));
    const jobs = await queues.of('iris').getWaiting(0, -1);
    expect(new Set(jobs.map(({ id }) => id))).toEqual(new Set(specs.map(({ id }) => id)));
  });

  it('shares the round trips among them', async () => {
    await sut.submit(specOf('iris'), '{}');
    const before = await scripts();
    const specs = Array.from({ length: 200 }, () => specOf('iris'));
    await Promise.all(specs.map((spec) => sut.submit(spec, '{}')));
    const after = await scripts();
    // BullMQ's is called once a job, ours once a flush: a first one, and one for who came meanwhile.
    expect(after - before).toBeGreaterThan(200);
    expect(after - before).toBeLessThanOrEqual(202);
  });

  /** Scripts that Redis has run. */
  async function scripts(): Promise<number> {
    const info = await redis.info('commandstats');
    const calls = (name: string) =>
      Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
    return calls('eval') + calls('evalsha');
  }

  it('writes the record before a worker can hear of the job, with scripts cached or not', async () => {
    const client = new Redis(server.url, { enableAutoPipelining: true });
    const keys = new Keys('test');
    const [otherQueues, monitor] = [
      new PredictQueues(client, keys, () => undefined),
      await redis.monitor(),
    ];
    const seen: string[] = [];
    monitor.on('monitor', (_time, args: string[]) => seen.push(args.join(' ')));
    const other = new Submitter(new JobStore(client, keys), otherQueues);
    for (const prepare of [() => client.script('FLUSH'), () => Promise.resolve('as it is')]) {
      await prepare();
      const spec = specOf('iris');
      const queued = `ZADD ${otherQueues.of('iris').toKey('marker')}`.toLowerCase();
      seen.length = 0;
      await other.submit(spec, '\n1');
      const last = new Promise((resolve) => monitor.once('monitor', resolve));
      await client.ping();
      await last;
      const lines = seen.map((line) => line.toLowerCase());
      const record = lines.findIndex((l) => l.startsWith(`hset ${keys.record(spec.id)}`));
      expect(record).toBeGreaterThanOrEqual(0);
      expect(record).toBeLessThan(lines.findIndex((l) => l.startsWith(queued)));
    }
    monitor.disconnect();
    await otherQueues.close();
    client.disconnect();
  });

  it('puts each into the queue of its model, with what a batch needs and no more', async () => {
    const [iris, digits] = [specOf('iris'), specOf('digits')];
    await Promise.all([sut.submit(iris, '\n1'), sut.submit(digits, '\n1,\n2,\n3')]);
    const [job] = await queues.of('digits').getWaiting();
    expect(job).toMatchObject({ id: digits.id, name: '1' });
    expect(job?.data).toEqual({
      version: '1',
      count: 3,
      bytes: 8,
      createdAt: 1,
      resultTtlS: 60,
      requestId: 'r',
      webhook: ['failed'],
      input: '\n1,\n2,\n3',
    });
  });

  it('tells the worker of shapes, priority and limits', async () => {
    const spec = { ...specOf('iris'), queueTimeoutS: 1.5, executionTimeoutS: 2 };
    await sut.submit({ ...spec, priority: 'high' }, '\n[1]', ['1', '2']);
    const [job] = await queues.of('iris').getWaiting();
    expect(job?.data).toMatchObject({
      shape: ['1', '2'],
      priority: 'high',
      startBy: 1501,
      executionTimeoutMs: 2000,
    });
  });

  it('leaves a large input to the record', async () => {
    const input = `\n"${'x'.repeat(512)}"`;
    const spec = specOf('iris');
    await sut.submit(spec, input);
    const [job] = await queues.of('iris').getWaiting();
    expect(job?.data).toMatchObject({ bytes: 515 });
    expect(job?.data).not.toHaveProperty('input');
    expect(await store.begin([spec.id])).toMatchObject([{ input }]);
  });

  it('keeps a job that carries its input within what Redis stores compactly', async () => {
    const spec = specOf('iris');
    await sut.submit({ ...spec, priority: 'high' }, `\n${'"a":1,'.repeat(73)}`, '7x3');
    const data = await redis.hget(queues.of('iris').toKey(spec.id), 'data');
    expect(data?.length).toBeGreaterThan(512);
    expect(data?.length).toBeLessThanOrEqual(1024);
  });

  it('makes one job of one that is added twice', async () => {
    const { id } = specOf('iris');
    const message = {
      version: '1',
      count: 1,
      bytes: 9,
      createdAt: 1,
      resultTtlS: 1,
      requestId: 'r',
    };
    await queues.add('iris', [{ id, message }]);
    await queues.add('iris', [
      { id, message },
      { id, message },
    ]);
    expect(await queues.of('iris').getWaitingCount()).toBe(1);
  });

  it('refuses all of a flush when the jobs cannot be queued, and leaves no record', async () => {
    await sut.submit(specOf('iris'), '{}');
    await redis.set(queues.of('iris').toKey('wait'), 'no list, which BullMQ cannot bear');
    const specs = Array.from({ length: 20 }, () => specOf('iris'));
    expect(await refusals(specs)).toEqual(Array(20).fill('queue-unavailable'));
    expect(await statuses(specs)).toEqual(Array(20).fill(undefined));
  });

  it('refuses all while Redis is full, and leaves no record', async () => {
    await sut.submit(specOf('iris'), '{}');
    await redis.config('SET', 'maxmemory', '1');
    const specs = Array.from({ length: 20 }, () => specOf('iris'));
    expect(await refusals(specs)).toEqual(Array(20).fill('queue-unavailable'));
    expect(await statuses(specs)).toEqual(Array(20).fill(undefined));
    await redis.config('SET', 'maxmemory', '0');
    await sut.submit(specOf('iris'), '{}');
  });

  it('refuses all while Redis is gone, also for a model whose queue was never opened', async () => {
    await sut.submit(specOf('iris'), '{}');
    const gone = new Promise((resolve) => redis.once('close', resolve));
    await server.stop();
    await gone;
    const specs = [...Array.from({ length: 20 }, () => specOf('iris')), specOf('digits')];
    expect(await refusals(specs)).toEqual(Array(21).fill('queue-unavailable'));
  });

  it('accepts again once Redis is back', async () => {
    const gone = new Promise((resolve) => redis.once('close', resolve));
    await server.stop();
    await gone;
    expect(await refusals([specOf('iris')])).toEqual(['queue-unavailable']);
    const back = new Promise((resolve) => redis.once('ready', resolve));
    server = await startTestRedis({ port: server.port });
    await back;
    const spec = specOf('iris');
    await sut.submit(spec, '{}');
    expect(await statuses([spec])).toEqual(['queued']);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ProblemError } from '#libs/contracts';
import { messageOf, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from './job-id.js';
import { JobStore } from './job.store.js';
import { Keys } from './keys.js';
import { PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';
import { type Submission, Submitter } from './submitter.js';

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

/** Of one row. */
function singles(length: number): JobSpec[] {
  return Array.from({ length }, () => ({ ...specOf('iris'), count: 1 }));
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

  const submit = (spec: JobSpec, more: Partial<Submission> = {}) =>
    sut.submit({ spec, input: '{}', bundleRows: 64, ...more });
  const submitAll = (specs: JobSpec[]) => Promise.all(specs.map((spec) => submit(spec)));

  const statuses = (specs: JobSpec[]) =>
    Promise.all(specs.map(async ({ id }) => (await store.find(id))?.status));

  async function refusals(specs: JobSpec[]): Promise<unknown[]> {
    const ends = await Promise.allSettled(specs.map((spec) => submit(spec)));
    return ends.map((end) =>
      end.status === 'rejected' && end.reason instanceof ProblemError
        ? end.reason.code
        : end.status,
    );
  }

  /** Those in the queue, from the next to be taken on. */
  const queued = () => queues.of('iris').getWaiting(0, -1);

  it('accepts 200 at once, each with its record and its place in a bundle', async () => {
    const specs = singles(200);
    await submitAll(specs);
    expect(await statuses(specs)).toEqual(Array(200).fill('queued'));
    const ids = (await queued()).flatMap(({ data }) => data.jobs.map(({ id }) => id));
    expect(ids).toEqual(specs.map(({ id }) => id));
  });

  it('bundles what is accepted in one instant', async () => {
    const specs = singles(200);
    await submitAll(specs);
    const bundles = await queued();
    expect(bundles.map(({ data }) => data.jobs.length)).toEqual([64, 64, 64, 8]);
    const firsts = [0, 64, 128, 192].map((i) => specs[i]?.id ?? '');
    expect(bundles.map(({ id }) => id)).toEqual(
      firsts.map((id, i) => `${id}+${i < 3 ? '63' : '7'}`),
    );
  });

  it('bundles nothing where rows do not travel together, nor a job that fills a run', async () => {
    const [small, large] = [singles(10), { ...specOf('iris'), count: 64 }];
    await Promise.all([
      ...small.map((spec) => submit(spec, { bundleRows: 1 })),
      submit(large),
      submit(specOf('iris')),
    ]);
    expect((await queued()).map(({ data }) => data.jobs.length)).toEqual(Array(12).fill(1));
  });

  it('names a bundle by its version, and has only that in it', async () => {
    const specs = singles(20).map((spec, i) => ({ ...spec, version: String(i % 2) }));
    await submitAll(specs);
    const bundles = await queued();
    expect(bundles.map(({ name }) => name)).toEqual(['0', '1']);
    for (const { name, data } of bundles) {
      expect(data.jobs.map(({ version }) => version)).toEqual(Array(10).fill(name));
    }
  });

  it('shares the round trips among them', async () => {
    await submit(specOf('iris'));
    const before = await scripts();
    await submitAll(singles(200));
    const once = await scripts();
    // BullMQ's is called once a bundle, ours once a flush: 4 of at most 64 rows, in one.
    expect(once - before).toBe(5);
    await submitAll(singles(600));
    // Flushes of at most 256: 4 bundles, 4 more and 2.
    expect((await scripts()) - once).toBe(13);
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
      const marked = `ZADD ${otherQueues.of('iris').toKey('marker')}`.toLowerCase();
      seen.length = 0;
      await other.submit({ spec, input: '\n1', bundleRows: 64 });
      const last = new Promise((resolve) => monitor.once('monitor', resolve));
      await client.ping();
      await last;
      const lines = seen.map((line) => line.toLowerCase());
      const record = lines.findIndex((l) => l.startsWith(`hset ${keys.record(spec.id)}`));
      expect(record).toBeGreaterThanOrEqual(0);
      expect(record).toBeLessThan(lines.findIndex((l) => l.startsWith(marked)));
    }
    monitor.disconnect();
    await otherQueues.close();
    client.disconnect();
  });

  it('puts each into the queue of its model, with what a batch needs and no more', async () => {
    const [iris, digits] = [specOf('iris'), specOf('digits')];
    await Promise.all([submit(iris, { input: '\n1' }), submit(digits, { input: '\n1,\n2,\n3' })]);
    const [job] = await queues.of('digits').getWaiting();
    expect(job).toMatchObject({ id: digits.id, name: '1' });
    expect(job?.data).toEqual({
      jobs: [
        {
          id: digits.id,
          version: '1',
          count: 3,
          bytes: 8,
          createdAt: 1,
          resultTtlS: 60,
          requestId: 'r',
          webhook: ['failed'],
          input: '\n1,\n2,\n3',
        },
      ],
    });
  });

  it('tells the worker of shapes, priority and limits', async () => {
    const spec = { ...specOf('iris'), queueTimeoutS: 1.5, executionTimeoutS: 2 };
    await submit({ ...spec, priority: 'high' }, { input: '\n[1]', shape: ['1', '2'] });
    const [job] = await queued();
    expect(job?.data.jobs[0]).toMatchObject({
      shape: ['1', '2'],
      priority: 'high',
      startBy: 1501,
      executionTimeoutMs: 2000,
    });
  });

  it('leaves a large input to the record', async () => {
    const input = `\n"${'x'.repeat(512)}"`;
    const spec = specOf('iris');
    await submit(spec, { input });
    const [job] = await queued();
    expect(job?.data.jobs[0]).toMatchObject({ bytes: 515 });
    expect(job?.data.jobs[0]).not.toHaveProperty('input');
    expect(await store.begin([spec.id])).toMatchObject([{ input }]);
  });

  it('keeps a job that carries its input within what Redis stores compactly', async () => {
    const spec = specOf('iris');
    await submit(
      { ...spec, priority: 'high' },
      { input: `\n${'"a":1,'.repeat(73)}`, shape: '7x3' },
    );
    const data = await redis.hget(queues.of('iris').toKey(spec.id), 'data');
    expect(data?.length).toBeGreaterThan(512);
    expect(data?.length).toBeLessThanOrEqual(1024);
  });

  it('makes one job of one that is added twice', async () => {
    const messages = singles(3).map(({ id }) => messageOf(id));
    for (const jobs of [messages.slice(2), messages]) {
      await queues.add('iris', [{ jobs }]);
      await queues.add('iris', [{ jobs }, { jobs }]);
    }
    expect((await queued()).map(({ data }) => data.jobs.length)).toEqual([1, 3]);
  });

  it('refuses all of a flush when the jobs cannot be queued, and leaves no record', async () => {
    await submit(specOf('iris'));
    await redis.set(queues.of('iris').toKey('wait'), 'no list, which BullMQ cannot bear');
    const specs = singles(20);
    expect(await refusals(specs)).toEqual(Array(20).fill('queue-unavailable'));
    expect(await statuses(specs)).toEqual(Array(20).fill(undefined));
  });

  it('refuses all while Redis is full, and leaves no record', async () => {
    await submit(specOf('iris'));
    await redis.config('SET', 'maxmemory', '1');
    const specs = singles(20);
    expect(await refusals(specs)).toEqual(Array(20).fill('queue-unavailable'));
    expect(await statuses(specs)).toEqual(Array(20).fill(undefined));
    await redis.config('SET', 'maxmemory', '0');
    await submit(specOf('iris'));
  });

  it('refuses all while Redis is gone, also for a model whose queue was never opened', async () => {
    await submit(specOf('iris'));
    const gone = new Promise((resolve) => redis.once('close', resolve));
    await server.stop();
    await gone;
    const specs = [...singles(20), specOf('digits')];
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
    await submit(spec);
    expect(await statuses([spec])).toEqual(['queued']);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { jobSpecOf, startTestRedis, type TestRedis } from '#libs/testing';
import { EndedJobs } from './ended.jobs.js';
import { newJobId, partitionOfModel } from './job-id.js';
import { JobIndex } from './job.index.js';
import { JobStore } from './job.store.js';
import { Keys } from './keys.js';
import type { JobSpec } from './record.js';
import { Replication } from './replication.js';

const MODEL = 'iris';
const keys = new Keys('test');
const WEBHOOK = { url: 'https://example.com/', events: ['started', 'succeeded'] as const };

function specOf(about: Partial<JobSpec> = {}): JobSpec {
  const createdAt = Date.now() - 5;
  const id = newJobId(partitionOfModel(MODEL));
  return jobSpecOf(id, { owner: 'ann', metadata: { a: 'b' }, createdAt, ...about });
}

describe('EndedJobs', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;
  let sut: EndedJobs;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    store = new JobStore(redis, keys);
    sut = new EndedJobs(redis, keys, new Replication(redis, keys, 0));
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(() => redis.flushall());

  it('writes jobs as if they had run in no time', async () => {
    const specs = [specOf({ count: 2, many: true }), specOf()];
    const records = await Promise.all(
      specs.map((spec, i) => sut.create(spec, i ? '[3]' : '[1,2]')),
    );
    expect(await store.findMany(specs.map(({ id }) => id))).toEqual(records);
    expect(records[0]).toMatchObject({
      status: 'succeeded',
      spec: specs[0],
      attempts: 1,
      outputs: [1, 2],
      end: { cached: true, done: 2, timing: { queue_ms: 0, inference_ms: 0 } },
    });
    expect(records[0]?.startedAt).toBe(records[0]?.endedAt);
    expect(records[0]?.end?.timing?.total_ms).toBeGreaterThanOrEqual(5);
    expect(records[1]).toMatchObject({ outputs: [3] });
  });

  it('puts them where ended jobs are, and nowhere else', async () => {
    const spec = specOf({ resultTtlS: 10 });
    const before = Date.now();
    await sut.create(spec, '[1]');
    const index = new JobIndex(redis, keys);
    const listed = (status: 'queued' | 'succeeded', metadata = {}) =>
      index.page({ models: [MODEL], statuses: [status], owner: 'ann', metadata }, { limit: 10 });
    expect((await listed('succeeded')).ids).toEqual([spec.id]);
    expect((await listed('succeeded', { a: 'b' })).ids).toEqual([spec.id]);
    expect((await listed('queued')).ids).toEqual([]);
    expect(await index.position(MODEL, spec.id)).toBeNull();
    const over = Number(await redis.zscore(keys.expiries(MODEL), spec.id));
    expect(over - 10_000).toBeGreaterThanOrEqual(before);
    const [job] = await index.over(MODEL, over, 10);
    expect(job?.id).toBe(spec.id);
    expect(await index.bury(MODEL, over, job ? [job] : [])).toEqual([true]);
    expect(await store.findTombstone(spec.id)).toMatchObject({ owner: 'ann', status: 'succeeded' });
  });

  it('owes the events that the webhook asks for, in order', async () => {
    const spec = specOf({ webhook: { url: WEBHOOK.url, events: [...WEBHOOK.events] } });
    await Promise.all([sut.create(spec, '[1]'), sut.create(specOf(), '[1]')]);
    const owed = await redis.zrange(keys.outbox(MODEL), 0, '-1');
    expect(owed.map((member) => member.split(' ').slice(1))).toEqual([
      [spec.id, '000001'],
      [spec.id, '000002'],
    ]);
    const told = await redis.hgetall(keys.deliveries(spec.id));
    expect(told).toMatchObject({
      '1': expect.stringContaining('"started"'),
      '2': expect.stringContaining('"succeeded"'),
      open: '2',
    });
    // Kept until they are told, however short its result is.
    expect(Number(await redis.zscore(keys.expiries(MODEL), spec.id))).toBeGreaterThan(
      Date.now() + 86_400_000,
    );
  });

  it('leaves a job as it is that is there', async () => {
    const spec = specOf();
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    expect(await sut.create(spec, '[1]')).toBeNull();
    expect(await store.find(spec.id)).toMatchObject({ status: 'queued', outputs: null });
  });

  it('tells each when Redis refuses', async () => {
    redis.defineCommand('createEnded', { lua: 'return redis.error_reply("OOM")' });
    const answers = await Promise.allSettled([
      sut.create(specOf(), '[1]'),
      sut.create(specOf(), '[1]'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    sut = new EndedJobs(redis, keys, new Replication(redis, keys, 0));
  });
});

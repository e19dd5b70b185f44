import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from './job-id.js';
import type { Started } from './attempt.store.js';
import { JobStore } from './job.store.js';
import { Keys } from './keys.js';
import type { JobResult, JobSpec } from './record.js';

const MODEL = 'iris';
const PARTITION = partitionOfModel(MODEL);
const SENT_AT = 1234;
const keys = new Keys('test');

function specOf(id: string): JobSpec {
  return jobSpecOf(id);
}

function success(outputs: string): JobResult {
  return { status: 'succeeded', outputs, done: 1, timing: NO_TIME, batchSize: 1 };
}
const failure: JobResult = { status: 'failed', done: 0, timing: NO_TIME, batchSize: 1 };

describe('JobStore', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    store = new JobStore(redis, keys);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function created(input = '\n1'): Promise<string> {
    const id = newJobId(PARTITION);
    await store.create(MODEL, [{ spec: specOf(id), input, turn: 1 }]);
    return id;
  }

  async function begun(id: string): Promise<Started> {
    const [answer] = await store.begin(MODEL, [id]);
    if (!answer || !('fence' in answer)) throw new Error(`${id} was not started`);
    return answer;
  }

  const publish = (id: string, fence: number, result: JobResult, resultTtlS = 60) =>
    store.publish(MODEL, [{ job: { id, resultTtlS }, fence, sentAt: SENT_AT, result }]);

  const keptUntil = async (id: string) => Number(await redis.zscore(keys.expiries(MODEL), id));

  it('keeps a job from its creation to its end', async () => {
    const id = await created();
    expect(await store.find(id)).toMatchObject({ status: 'queued', attempts: 0, outputs: null });
    const { fence, input } = await begun(id);
    expect(input).toBe('\n1');
    expect(await store.find(id)).toMatchObject({ status: 'running', attempts: 1 });
    expect(await publish(id, fence, success('[{"x":1}]'))).toEqual([true]);
    const record = await store.find(id);
    expect(record).toMatchObject({ status: 'succeeded', outputs: [{ x: 1 }], end: { done: 1 } });
    expect(record?.endedAt).toBeGreaterThanOrEqual(record?.startedAt ?? Infinity);
    expect(record?.startedAt).toBeGreaterThan(SENT_AT);
  });

  it('publishes an attempt whose start was never written down', async () => {
    const id = await created();
    const before = Date.now();
    expect(await publish(id, 0, success('[{"x":1}]'))).toEqual([true]);
    const record = await store.find(id);
    expect(record).toMatchObject({
      status: 'succeeded',
      outputs: [{ x: 1 }],
      startedAt: SENT_AT,
      attempts: 1,
      end: { done: 1, batchSize: 1 },
    });
    expect(record?.endedAt).toBeGreaterThanOrEqual(before);
    expect(await redis.hexists(keys.record(id), 'input')).toBe(0);
    expect(await keptUntil(id)).toBe((record?.endedAt ?? 0) + 60_000);
  });

  it('refuses such an attempt once somebody has begun', async () => {
    const id = await created();
    const { fence } = await begun(id);
    const before = await redis.hgetall(keys.record(id));
    expect(await publish(id, 0, success('["quick"]'))).toEqual([false]);
    expect(await redis.hgetall(keys.record(id))).toEqual(before);
    expect(await publish(id, fence, success('["begun"]'))).toEqual([true]);
    expect(await publish(id, 0, success('["quick"]'))).toEqual([false]);
    expect(await store.find(id)).toMatchObject({ outputs: ['begun'] });
  });

  it('takes the publication of such an attempt once, however often it is sent', async () => {
    const id = await created();
    await publish(id, 0, success('["first"]'));
    const before = await redis.hgetall(keys.record(id));
    expect(await publish(id, 0, success('["first"]'))).toEqual([true]);
    expect(await publish(id, 0, failure)).toEqual([false]);
    expect(await publish(id, 0, { ...success('[]'), done: 7 })).toEqual([false]);
    expect(await publish(id, 1, success('["first"]'))).toEqual([false]);
    expect(await redis.hgetall(keys.record(id))).toEqual(before);
  });

  it('starts no job whose attempt was published without a start', async () => {
    const [won, lost] = [await created(), await created()];
    await publish(won, 0, success('[1]'));
    await publish(lost, 0, failure);
    const before = await redis.hgetall(keys.record(won));
    expect(await store.begin(MODEL, [won, lost])).toEqual([
      { id: won, status: 'succeeded' },
      { id: lost, status: 'failed' },
    ]);
    expect(await redis.hgetall(keys.record(won))).toEqual(before);
    expect(await redis.hget(keys.record(lost), 'input')).toBe('\n1');
  });

  it('refuses the attempt that a newer one has overtaken', async () => {
    const id = await created();
    const older = await begun(id);
    const newer = await begun(id);
    expect(newer.fence).toBeGreaterThan(older.fence);
    expect(await publish(id, older.fence, success('["old"]'))).toEqual([false]);
    expect(await store.find(id)).toMatchObject({ status: 'running', outputs: null, end: null });
    expect(await publish(id, newer.fence, success('["new"]'))).toEqual([true]);
    expect(await publish(id, older.fence, failure)).toEqual([false]);
    expect(await store.find(id)).toMatchObject({ status: 'succeeded', outputs: ['new'] });
  });

  it('keeps the first start of several', async () => {
    const id = await created();
    await begun(id);
    const first = await redis.hget(keys.record(id), 'started_at');
    await redis.hset(keys.record(id), 'started_at', '5');
    await begun(id);
    expect(first).not.toBeNull();
    expect(await redis.hget(keys.record(id), 'started_at')).toBe('5');
  });

  it('takes a publication that is sent again for the one it was, and changes nothing', async () => {
    const id = await created();
    const { fence } = await begun(id);
    await publish(id, fence, success('["first"]'));
    const before = await redis.hgetall(keys.record(id));
    expect(await publish(id, fence, success('["second"]'))).toEqual([true]);
    expect(await publish(id, fence, failure)).toEqual([false]);
    expect(await redis.hgetall(keys.record(id))).toEqual(before);
  });

  it('starts no job that has ended', async () => {
    const id = await created();
    const { fence } = await begun(id);
    await publish(id, fence, failure);
    expect(await store.begin(MODEL, [id])).toEqual([{ id, status: 'failed' }]);
    expect(await publish(id, fence + 1, success('[1]'))).toEqual([false]);
    expect(await store.find(id)).toMatchObject({ status: 'failed', outputs: null });
  });

  it('says where outputs are that are stored apart, until the job is retried', async () => {
    const [won, lost] = [await created(), await created()];
    await begun(lost);
    const fences = [await begun(won), await begun(lost)].map(({ fence }) => fence);
    const publications = [won, lost].map((id, i) => ({
      job: specOf(id),
      fence: fences[i] ?? 0,
      sentAt: SENT_AT,
      result: i === 0 ? success('["large"]') : { ...failure, outputs: '["large"]' },
      outputsApart: `outputs-${fences[i] ?? 0}` as const,
    }));
    expect(await store.publish('iris', publications)).toEqual([true, true]);
    const found = await store.findMany([won, lost]);
    expect(found).toMatchObject([
      { status: 'succeeded', outputs: null, outputsApart: 'outputs-1' },
      { status: 'failed', outputs: null, outputsApart: 'outputs-2' },
    ]);
    if (found[1]) await store.retry(found[1], 1);
    expect(await store.find(lost)).toMatchObject({ outputs: null, outputsApart: null });
  });

  it('drops the input with success and keeps it with failure', async () => {
    const [won, lost] = [await created(), await created()];
    await publish(won, (await begun(won)).fence, success('[1]'));
    await publish(lost, (await begun(lost)).fence, failure);
    expect(await redis.hexists(keys.record(won), 'input')).toBe(0);
    expect(await redis.hexists(keys.record(lost), 'input')).toBe(1);
  });

  it('lets a result live as long as was asked, and a job that has not ended for ever', async () => {
    const id = await created();
    const { fence } = await begun(id);
    expect(await redis.zscore(keys.expiries(MODEL), id)).toBeNull();
    await publish(id, fence, success('[1]'), 365 * 86_400);
    const endedAt = (await store.find(id))?.endedAt ?? 0;
    expect(await keptUntil(id)).toBe(endedAt + 365 * 86_400_000);
    expect(await redis.pttl(keys.record(id))).toBe(-1);
  });

  it('knows nothing of unknown jobs, and makes no record of them', async () => {
    const [known, unknown] = [await created(), newJobId(PARTITION)];
    const answers = await store.begin(MODEL, [unknown, known]);
    expect(answers).toEqual([
      { id: unknown, status: null },
      { id: known, fence: 1, input: '\n1', loneStarts: 0, attempt: 1 },
    ]);
    expect(await publish(unknown, 1, success('[1]'))).toEqual([false]);
    expect(await publish(unknown, 0, success('[1]'))).toEqual([false]);
    expect(await store.find(unknown)).toBeNull();
    expect(await redis.exists(keys.record(unknown))).toBe(0);
  });

  it('publishes a batch in which each job has its own fate', async () => {
    const ids = [await created(), await created(), await created()];
    const started = await Promise.all(ids.map(begun));
    await begun(ids[1] ?? '');
    const quick = { id: await created(), fence: 0 };
    const results = [...started, quick].map(({ id, fence }, i) => ({
      job: specOf(id),
      fence,
      sentAt: SENT_AT,
      result: success(`[${String(i)}]`),
    }));
    expect(await store.publish(MODEL, results)).toEqual([true, false, true, true]);
    const outputs = await Promise.all(
      results.map(async ({ job }) => (await store.find(job.id))?.outputs),
    );
    expect(outputs).toEqual([[0], null, [2], [3]]);
  });

  it('counts how often a job was started alone, whoever started it', async () => {
    const id = await created();
    const lone = async (alone: boolean) => (await store.begin(MODEL, [id], { lone: alone }))[0];
    expect(await lone(false)).toMatchObject({ loneStarts: 0 });
    expect(await lone(true)).toMatchObject({ loneStarts: 1 });
    expect(await lone(true)).toMatchObject({ loneStarts: 2, fence: 3 });
  });

  it('gives no input to whoever has it already', async () => {
    const id = await created();
    expect(await store.begin(MODEL, [id], { withInput: false })).toEqual([
      { id, fence: 1, input: '', loneStarts: 0, attempt: 1 },
    ]);
    expect(await store.begin(MODEL, [id])).toMatchObject([{ fence: 2, input: '\n1' }]);
  });

  it('lets a record that was kept for its callback go in its own time', async () => {
    const id = newJobId(partitionOfModel(MODEL));
    const job: JobSpec = { ...specOf(id), webhook: { url: 'https://x', events: ['succeeded'] } };
    await store.create(MODEL, [{ spec: job, input: '\n1', turn: 1 }]);
    await store.publish(MODEL, [{ job, fence: 0, sentAt: SENT_AT, result: success('[1]') }]);
    const record = await store.find(id);
    expect(await keptUntil(id)).toBe((record?.endedAt ?? 0) + 8 * 86_400_000);
    if (record) await store.expireInTime(record);
    expect(await keptUntil(id)).toBe((record?.endedAt ?? 0) + 60_000);
  });

  it('takes back what it created', async () => {
    const id = await created();
    await store.discard(MODEL, [{ spec: specOf(id) }]);
    expect(await store.find(id)).toBeNull();
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Registry } from 'prom-client';
import { ConfigModule, loadConfig } from '#libs/config';
import { inputText, jobProblem, ProblemError } from '#libs/contracts';
import {
  cacheKeyOf,
  EndedJobs,
  IdempotencyStore,
  type JobSpec,
  JobsModule,
  JobStore,
  newJobId,
  partitionOfModel,
  ResultCache,
  Submitter,
} from '#libs/jobs';
import { jobSpecOf, startTestRedis, type TestRedis } from '#libs/testing';
import type { Caller } from '../http/caller.js';
import type { JobReader } from '../jobs/job.reader.js';
import { ApiMetrics } from '../api.metrics.js';
import { Acceptance } from './acceptance.js';
import { KeyedSubmissions } from './keyed.submissions.js';

@Module({})
class Root {}

const MODEL = 'iris';
const CALLER: Caller = { owner: 'ann', requestId: 'r', baseUrl: '', traceparent: undefined };
const INPUT = inputText([1], undefined);
const REFUSED = new ProblemError('queue-unavailable', '');
const metrics = new ApiMetrics(new Registry());
const NOT_SERVED = new ProblemError('model-not-found', '');

function specOf(id = newJobId(partitionOfModel(MODEL)), version = '1'): JobSpec {
  return jobSpecOf(id, {
    version,
    bytes: INPUT.length,
    owner: CALLER.owner,
    createdAt: Date.now(),
  });
}

describe('KeyedSubmissions', () => {
  let redis: TestRedis;
  let app: INestApplicationContext;
  let store: JobStore;
  let submitter: Submitter;
  let sut: KeyedSubmissions;
  let count = 0;
  let key: string;

  beforeAll(async () => {
    redis = await startTestRedis();
    const config = loadConfig({ REDIS_URL: redis.url });
    const imports = [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })];
    app = await NestFactory.createApplicationContext({ module: Root, imports }, { logger: false });
    store = app.get(JobStore);
    submitter = app.get(Submitter);
  });

  beforeEach(() => {
    jest.restoreAllMocks();
    key = `order ${String(++count)}`;
    sut = another();
  });

  afterAll(async () => {
    // In this order: a connection that is up is left to the end of the process.
    await redis.stop();
    await app.close();
  });

  /** That of another process. */
  function another(): KeyedSubmissions {
    const reader = {
      async find(id: string) {
        const record = await store.find(id);
        if (record) return record;
        throw new ProblemError('job-not-found', '');
      },
    };
    return new KeyedSubmissions(
      app.get(IdempotencyStore),
      reader as unknown as JobReader,
      new Acceptance(app.get(ResultCache), app.get(EndedJobs), submitter, metrics),
    );
  }

  const draft = (id?: string) =>
    Promise.resolve({ spec: specOf(id), input: INPUT, bundleRows: 64 });
  const notServed = () => Promise.reject(NOT_SERVED);
  const send = (of = draft, to = sut) =>
    to.submit(CALLER, { owner: CALLER.owner, key, fingerprint: 'f' }, () => INPUT, of);

  it('submits once what comes a hundred times at once', async () => {
    const submit = jest.spyOn(submitter, 'submit');
    const answers = await Promise.all(Array.from({ length: 100 }, () => send()));
    expect(submit).toHaveBeenCalledTimes(1);
    expect(new Set(answers.map(({ record }) => record.spec.id)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('answers two processes at once with one record, as it was written first', async () => {
    const [one, two] = await Promise.all([send(), send(draft, another())]);
    expect(one.record.spec).toEqual(two.record.spec);
    expect([one.replayed, two.replayed].sort()).toEqual([false, true]);
  });

  it('leaves the key free where the request is refused', async () => {
    await expect(send(notServed)).rejects.toBe(NOT_SERVED);
    expect((await send()).replayed).toBe(false);
  });

  it('has the job submitted by a later one where Redis did not take it', async () => {
    const submit = jest.spyOn(submitter, 'submit').mockRejectedValueOnce(REFUSED);
    const refused = await Promise.allSettled([send(), send()]);
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const { record } = await send();
    expect(record.status).toBe('queued');
    const ids = submit.mock.calls.map(([{ spec }]) => spec.id);
    expect(ids).toEqual([record.spec.id, record.spec.id]);
  });

  it('answers with the job that was accepted, where Redis goes before it can be read', async () => {
    jest.spyOn(store, 'find').mockRejectedValueOnce(new Error('Connection is closed.'));
    const { record } = await send();
    expect(record).toMatchObject({ status: 'queued', attempts: 0 });
    expect((await send()).record.spec.id).toBe(record.spec.id);
  });

  it('submits what is still queued as its record has it, whatever is served by now', async () => {
    const { record } = await send();
    const submit = jest.spyOn(submitter, 'submit');
    expect(await send(notServed)).toEqual({ record, replayed: true });
    expect(submit.mock.calls).toMatchObject([[{ spec: record.spec, mayExist: true }]]);
  });

  it('only tells of a job that runs, has ended, or was retried', async () => {
    const { record } = await send();
    const { id } = record.spec;
    const submit = jest.spyOn(submitter, 'submit');
    const [begun] = await store.begin(MODEL, [id]);
    expect((await send(notServed)).record.status).toBe('running');
    const fence = begun && 'fence' in begun ? begun.fence : 0;
    await store.tryAgain(MODEL, [{ id, fence, error: jobProblem('model-unavailable', '') }]);
    expect((await send(notServed)).record).toMatchObject({ status: 'queued', attempts: 1 });
    await store.cancel(MODEL, [record.spec]);
    expect((await send(notServed)).record.status).toBe('canceled');
    expect(submit).not.toHaveBeenCalled();
  });

  it('makes one job of what is answered with a result that is kept', async () => {
    const cache = { key: cacheKeyOf('c', key, INPUT), ttlS: 60, maxEntries: 9 };
    await app.get(ResultCache).store(MODEL, [{ use: cache, outputs: '[7]' }]);
    const cached = async (id?: string) => {
      const submission = await draft(id);
      return { ...submission, spec: { ...submission.spec, cache } };
    };
    // The other process may come between claim and record, and queue what a worker then drops.
    const answers = await Promise.all([send(cached), send(cached, another()), send(cached)]);
    const [first] = answers;
    expect(first.record).toMatchObject({
      status: 'succeeded',
      outputs: [7],
      end: { cached: true },
    });
    for (const { record } of answers) expect(record).toEqual(first.record);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('queues again what is queued, although its result is kept by now', async () => {
    const cache = { key: cacheKeyOf('c', key, INPUT), ttlS: 60, maxEntries: 9 };
    const { record } = await send(async (id?: string) => {
      const submission = await draft(id);
      return { ...submission, spec: { ...submission.spec, cache } };
    });
    await app.get(ResultCache).store(MODEL, [{ use: cache, outputs: '[7]' }]);
    const submit = jest.spyOn(submitter, 'submit');
    expect(await send(notServed)).toEqual({ record, replayed: true });
    expect(submit.mock.calls).toMatchObject([[{ spec: record.spec, mayExist: true }]]);
  });
});

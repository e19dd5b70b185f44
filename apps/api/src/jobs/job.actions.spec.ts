import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule, loadConfig } from '#libs/config';
import { ProblemError } from '#libs/contracts';
import {
  JobIndex,
  type JobSpec,
  JobsModule,
  JobStore,
  newJobId,
  partitionOfModel,
  Submitter,
} from '#libs/jobs';
import { jobSpecOf, startTestRedis, type TestRedis } from '#libs/testing';
import type { Caller } from '../http/caller.js';
import type { ModelCatalog } from '../models/model.catalog.js';
import { JobActions } from './job.actions.js';
import type { JobReader } from './job.reader.js';
import type { Timekeeper } from './timekeeper.js';

@Module({})
class Root {}

const MODEL = 'iris';
const CALLER: Caller = { owner: 'ann', requestId: 'r', baseUrl: '', traceparent: undefined };

describe('JobActions', () => {
  let redis: TestRedis;
  let app: INestApplicationContext;
  let store: JobStore;
  let sut: JobActions;
  const expectAt = jest.fn<Timekeeper['expectAt']>();
  const resolve = jest.fn<(version: string) => { rowsPerRun: number }>();

  beforeAll(async () => {
    redis = await startTestRedis();
    const config = loadConfig({ REDIS_URL: redis.url });
    const imports = [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })];
    app = await NestFactory.createApplicationContext({ module: Root, imports }, { logger: false });
    store = app.get(JobStore);
    const reader = {
      async find(id: string) {
        const record = await store.find(id);
        if (record) return record;
        throw new ProblemError('job-not-found', '');
      },
    };
    sut = new JobActions(
      store,
      app.get(JobIndex),
      reader as unknown as JobReader,
      { get: () => ({ resolve }) } as unknown as ModelCatalog,
      app.get(Submitter),
      { expectAt } as unknown as Timekeeper,
    );
  });

  beforeEach(() => {
    jest.restoreAllMocks();
    resolve.mockReturnValue({ rowsPerRun: 64 });
  });

  afterAll(async () => {
    // In this order: a connection that is up is left to the end of the process.
    await redis.stop();
    await app.close();
  });

  async function created(about: Partial<JobSpec> = {}): Promise<JobSpec> {
    const spec: JobSpec = jobSpecOf(newJobId(partitionOfModel(MODEL)), {
      owner: CALLER.owner,
      createdAt: Date.now(),
      ...about,
    });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    return spec;
  }

  const statusOf = async ({ id }: JobSpec) => (await store.find(id))?.status;

  it('refuses to cancel one that ends in this instant', async () => {
    const job = await created();
    jest.spyOn(store, 'cancel').mockImplementationOnce(async () => {
      await store.expire(MODEL, [job]);
      return ['expired'];
    });
    await expect(sut.cancel(job.id, CALLER)).rejects.toMatchObject({ code: 'job-ended' });
  });

  it('cancels all there are in a thousand and more, and none that comes while it is at it', async () => {
    const queued = await Promise.all(Array.from({ length: 1200 }, () => created()));
    const [running] = [await created()];
    await store.begin(MODEL, [running.id]);
    const bobs = await created({ owner: 'bob' });
    let late: JobSpec | undefined;
    const index = app.get(JobIndex);
    const page = index.page.bind(index);
    jest.spyOn(index, 'page').mockImplementation(async (...args) => {
      const found = await page(...args);
      const now = Date.now();
      while (Date.now() === now);
      late ??= await created();
      return found;
    });
    expect(await sut.cancelAll({ model: MODEL }, CALLER)).toBe(1201);
    const ended = await Promise.all([...queued, running].map(statusOf));
    expect(new Set(ended)).toEqual(new Set(['canceled']));
    expect(late && (await statusOf(late))).toBe('queued');
    expect(await statusOf(bobs)).toBe('queued');
    if (late) await store.cancel(MODEL, [late]);
  });

  it('cancels only those in the state that is asked for', async () => {
    const [queued, running] = [await created(), await created()];
    await store.begin(MODEL, [running.id]);
    expect(await sut.cancelAll({ model: MODEL, status: 'running' }, CALLER)).toBe(1);
    expect([await statusOf(queued), await statusOf(running)]).toEqual(['queued', 'canceled']);
    expect(await sut.cancelAll({ model: MODEL, status: 'queued' }, CALLER)).toBe(1);
    expect(await sut.cancelAll({ model: 'digits' }, CALLER)).toBe(0);
  });

  it('lets one of several retries have it', async () => {
    const job = await created();
    await store.cancel(MODEL, [job]);
    const ends = await Promise.allSettled([1, 2, 3].map(() => sut.retry(job.id, CALLER)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = { status: 'rejected', reason: { code: 'job-not-retryable' } };
    expect(ends.filter(({ status }) => status === 'rejected')).toMatchObject([refused, refused]);
    expect(await store.find(job.id)).toMatchObject({ status: 'queued', attempts: 1 });
  });

  it('leaves a job as it is whose version is not served', async () => {
    const job = await created({ version: '7' });
    await store.cancel(MODEL, [job]);
    const gone = new ProblemError('version-not-found', '');
    resolve.mockImplementationOnce(() => {
      throw gone;
    });
    await expect(sut.retry(job.id, CALLER)).rejects.toBe(gone);
    expect(resolve).toHaveBeenLastCalledWith('7');
    expect(await statusOf(job)).toBe('canceled');
  });
});

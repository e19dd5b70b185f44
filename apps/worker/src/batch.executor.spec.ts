import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Registry } from 'prom-client';
import { ConfigModule, loadConfig } from '#libs/config';
import type { Batch, RanReply } from '#libs/inference';
import { DeliveryQueue, JobsModule, JobStore, newJobId, partitionOfModel } from '#libs/jobs';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { BatchExecutor } from './batch.executor.js';
import { WorkerMetrics } from './worker.metrics.js';
import { WorkerJob } from './worker-job.js';

const INPUT = '\n1';
const REPLY: RanReply = {
  type: 'ran',
  batch: 0,
  slices: [{ outputs: '2', done: 1, error: null, batchSize: 1 }],
  timing: { preprocessMs: 0, inferenceMs: 1, postprocessMs: 0 },
  outOfMemory: false,
  rssBytes: 1,
};

@Module({})
class Root {}

describe('BatchExecutor', () => {
  let redis: TestRedis;
  let app: INestApplicationContext;
  let store: JobStore;
  let sut: BatchExecutor;

  beforeAll(async () => {
    redis = await startTestRedis();
    const config = loadConfig({ REDIS_URL: redis.url });
    const imports = [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })];
    app = await NestFactory.createApplicationContext({ module: Root, imports }, { logger: false });
    store = app.get(JobStore);
    sut = new BatchExecutor(store, app.get(DeliveryQueue), new WorkerMetrics(new Registry()));
  });

  afterAll(async () => {
    // In this order: a connection that is up is left to the end of the process.
    await redis.stop();
    await app.close();
  });

  async function accepted(message: { startBy?: number } = {}) {
    const id = newJobId(partitionOfModel('iris'));
    const shared = { id, version: '1', count: 1, createdAt: Date.now(), resultTtlS: 60 };
    const spec = {
      ...shared,
      model: 'iris',
      many: false,
      owner: '',
      requestId: '',
      metadata: {},
      warnings: [],
    };
    await store.create([{ spec, input: INPUT }]);
    let told: unknown;
    const taken = {
      message: { ...shared, bytes: 2, requestId: '', input: INPUT, ...message },
      takenAt: Date.now(),
      suspect: false,
    };
    const job = new WorkerJob(
      'iris',
      taken,
      1000,
      () => (told = 'ended'),
      (error) => (told = error),
    );
    return { id, job, told: () => told };
  }

  function batchOf(job: WorkerJob): Batch<WorkerJob> {
    return { lane: '', slices: [{ job, from: 0, to: 1 }], rows: 1, reason: 'idle' };
  }

  it('publishes a quick job without having written that it started', async () => {
    const { id, job, told } = await accepted();
    const batch = batchOf(job);
    // However long this test takes, the job takes less than the time after which it shows as running.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] });
    expect(await sut.begin(batch)).toEqual([INPUT]);
    expect((await store.find(id))?.status).toBe('queued');
    await sut.finish(batch, REPLY);
    jest.useRealTimers();
    const record = await store.find(id);
    expect(record).toMatchObject({ status: 'succeeded', attempts: 1, outputs: [2] });
    expect(record?.startedAt).toBe(job.sentAt);
    expect(told()).toBe('ended');
  });

  it('writes that a job runs once it has done so for a while', async () => {
    const { id, job } = await accepted();
    const batch = batchOf(job);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] });
    await sut.begin(batch);
    jest.advanceTimersByTime(1000);
    jest.useRealTimers();
    await job.starting;
    expect(await store.find(id)).toMatchObject({ status: 'running', attempts: 1 });
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'succeeded' });
  });

  it('publishes one that another worker had begun and given back', async () => {
    const { id, job, told } = await accepted();
    await store.begin([id]);
    const batch = batchOf(job);
    await sut.begin(batch);
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'succeeded', outputs: [2] });
    expect(told()).toBe('ended');
  });

  it('leaves the end that somebody else has published', async () => {
    const { id, job, told } = await accepted();
    const batch = batchOf(job);
    await sut.begin(batch);
    await sut.fail([(await acceptedAgain(id)).job], PROBLEM);
    await sut.finish(batch, REPLY);
    expect(await store.find(id)).toMatchObject({ status: 'failed' });
    expect(told()).toBe('ended');
  });

  it('does not run what should have started before', async () => {
    const { id, job, told } = await accepted({ startBy: Date.now() - 1 });
    expect(await sut.begin(batchOf(job))).toEqual([]);
    expect(await store.find(id)).toMatchObject({ status: 'expired', attempts: 0, startedAt: null });
    expect(told()).toBe('ended');
  });

  /** The same job in another worker's hands. */
  async function acceptedAgain(id: string) {
    const other = await accepted();
    Object.assign(other.job, { id });
    return other;
  }
});

const PROBLEM = {
  type: '',
  code: 'internal-error' as const,
  title: '',
  detail: '',
  retryable: true,
};

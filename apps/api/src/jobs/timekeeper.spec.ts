import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplicationContext, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { ConfigModule, loadConfig } from '#libs/config';
import {
  JobIndex,
  type JobSpec,
  JobsModule,
  JobStore,
  newJobId,
  partitionOfModel,
  Payloads,
} from '#libs/jobs';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { Timekeeper } from './timekeeper.js';

// A bound on waiting, not on speed.
jest.setTimeout(60_000);

@Module({ providers: [Timekeeper] })
class Root {}

let redis: TestRedis;
let apps: INestApplicationContext[];

beforeEach(async () => {
  redis = await startTestRedis();
  apps = [];
});

afterEach(async () => {
  jest.restoreAllMocks();
  // In this order: a connection that is up is left to the end of the process.
  await redis.stop();
  for (const app of apps) await app.close();
});

/** What an api has of it, all over again. */
async function start() {
  const config = loadConfig({ REDIS_URL: redis.url });
  const imports = [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: true })];
  const app = await NestFactory.createApplicationContext(
    { module: Root, imports },
    { logger: false },
  );
  apps.push(app);
  return {
    timekeeper: app.get(Timekeeper),
    store: app.get(JobStore),
    index: app.get(JobIndex),
    payloads: app.get(Payloads),
  };
}

async function create(store: JobStore, about: Partial<JobSpec> = {}): Promise<JobSpec> {
  const spec: JobSpec = jobSpecOf(newJobId(partitionOfModel('iris')), {
    bytes: 1,
    createdAt: Date.now(),
    ...about,
  });
  await store.create('iris', [{ spec, input: '1', turn: 1 }]);
  return spec;
}

/** Resolves once some of what a method was asked to do was done by it. */
function done<M extends string>(
  object: Record<M, (...args: never[]) => Promise<boolean[]>>,
  method: M,
): Promise<void> {
  const original = object[method].bind(object);
  return new Promise((resolve) => {
    object[method] = async (...args) => {
      const answers = await original(...args);
      if (answers.includes(true)) resolve();
      return answers;
    };
  });
}

describe('Timekeeper', () => {
  it('ends a job in time that it was told of, once, however many look after it', async () => {
    const [one, other] = [await start(), await start()];
    const expired = [done(one.store, 'expire'), done(other.store, 'expire')];
    const { id, createdAt } = await create(one.store, { queueTimeoutS: 0.1 });
    for (const { timekeeper } of [one, other]) timekeeper.expectAt('iris', createdAt + 100);
    await Promise.race(expired);
    const record = await one.store.find(id);
    expect(record).toMatchObject({
      status: 'expired',
      attempts: 0,
      end: { error: { code: 'queue-timeout' } },
    });
    expect(record?.endedAt).toBeGreaterThanOrEqual(createdAt + 100);
  });

  it('ends jobs that nobody has told it of, all of them', async () => {
    const { store } = await start();
    const jobs = [await create(store, { queueTimeoutS: 0.001 }), await create(store)];
    const late = await create(store, { queueTimeoutS: 1.5 });
    await done(store, 'expire');
    await done(store, 'expire');
    const records = await store.findMany([...jobs, late].map(({ id }) => id));
    expect(records.map((record) => record?.status)).toEqual(['expired', 'queued', 'expired']);
  });

  it('forgets the deadlines of jobs that have no record', async () => {
    const { store } = await start();
    const gone = await create(store, { queueTimeoutS: 60 });
    const client = new Redis(redis.url);
    const deadlines = (await client.keys('*')).find((key) => key.includes('start-deadlines')) ?? '';
    await client.del((await client.keys(`*${gone.id}`))[0] ?? '');
    await client.zadd(deadlines, 'XX', 1, gone.id);
    await create(store, { queueTimeoutS: 0.001 });
    await done(store, 'expire');
    expect(await client.zcard(deadlines)).toBe(0);
    client.disconnect();
  });

  it('finds the models again that Redis has forgotten', async () => {
    const { store } = await start();
    await create(store);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    const late = await create(store, { queueTimeoutS: 0.001 });
    await done(store, 'expire');
    expect(await store.find(late.id)).toMatchObject({ status: 'expired' });
  });

  it('buries what is over', async () => {
    const { store, index } = await start();
    const [job, kept] = [await create(store, { resultTtlS: 0.001 }), await create(store)];
    await store.cancel('iris', [job, kept]);
    await done(index, 'bury');
    expect(await store.find(job.id)).toBeNull();
    expect(await store.findTombstone(job.id)).toMatchObject({ status: 'canceled' });
    expect(await store.find(kept.id)).not.toBeNull();
  });

  it('buries a job after all that is stored apart of it', async () => {
    const { store, index, payloads } = await start();
    const job = await create(store, { resultTtlS: 0.001, inputApart: true });
    await payloads.putInput(job.id, 'large');
    await store.begin('iris', [job.id]);
    await payloads.putOutputs(job.id, 1, '["of an attempt that came to nothing"]');
    await store.begin('iris', [job.id]);
    const outputsApart = await payloads.putOutputs(job.id, 2, '["large"]');
    const away = jest.spyOn(payloads, 'deleteAll').mockRejectedValueOnce(new Error('away'));
    const result = { status: 'failed', done: 0, batchSize: 1, timing: NO_TIME } as const;
    await store.publish('iris', [{ job, fence: 2, sentAt: 1, result, outputsApart }]);
    const small = await create(store, { resultTtlS: 0.001 });
    await store.cancel('iris', [small]);
    await done(index, 'bury');
    await done(index, 'bury');
    expect(away.mock.calls.length).toBeGreaterThan(1);
    expect(await store.findMany([job.id, small.id])).toEqual([null, null]);
    expect(await payloads.input(job.id)).toBeNull();
    const client = new Redis(redis.url);
    expect((await client.keys('*')).filter((key) => key.includes('payload'))).toEqual([]);
    client.disconnect();
  });

  it('gets over an outage of Redis, and speaks of it once', async () => {
    const { timekeeper, store, index } = await start();
    const warned = jest.spyOn(Logger.prototype, 'warn');
    const away = new Error('Connection is closed.');
    const due = jest.spyOn(index, 'due').mockRejectedValue(away);
    const models = jest.spyOn(index, 'models');
    await new Promise<void>((resolve) => {
      let rounds = 0;
      models.mockImplementation(() => {
        timekeeper.expectAt('iris', 0);
        if (++rounds === 3) resolve();
        return Promise.reject(away);
      });
    });
    due.mockRestore();
    models.mockRestore();
    await create(store, { queueTimeoutS: 0.001 });
    await done(store, 'expire');
    const lines = warned.mock.calls.map(([, text]) => text as unknown);
    expect(lines).toEqual(['deadlines not looked at']);
  });
});

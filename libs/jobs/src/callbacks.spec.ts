import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule, loadConfig } from '#libs/config';
import type { WebhookEvent } from '#libs/contracts';
import { jobSpecOf, startTestRedis, type TestRedis } from '#libs/testing';
import { Callbacks } from './callbacks.js';
import { DeliveryQueue } from './delivery.queue.js';
import { newJobId, partitionOfModel } from './job-id.js';
import { JobStore } from './job.store.js';
import { JobsModule } from './jobs.module.js';
import type { JobSpec } from './record.js';

@Module({})
class Root {}

const MODEL = 'iris';

describe('Callbacks', () => {
  let redis: TestRedis;
  let app: INestApplicationContext;
  let store: JobStore;
  let sut: Callbacks;

  beforeAll(async () => {
    redis = await startTestRedis();
    const config = loadConfig({ REDIS_URL: redis.url });
    const imports = [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })];
    app = await NestFactory.createApplicationContext({ module: Root, imports }, { logger: false });
    store = app.get(JobStore);
    sut = app.get(Callbacks);
    app.get(DeliveryQueue).queue.on('error', () => undefined);
  });

  afterAll(async () => {
    // In this order: a connection that is up is left to the end of the process.
    await redis.stop();
    await app.close();
  });

  async function canceled(events?: WebhookEvent[]): Promise<JobSpec> {
    const spec: JobSpec = jobSpecOf(newJobId(partitionOfModel(MODEL)), {
      webhook: events && { url: 'https://example.com', events },
    });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    await store.cancel(MODEL, [spec]);
    return spec;
  }

  /** The ids of what is owed of these jobs, and what is told of it. */
  async function owed(...jobs: JobSpec[]) {
    const all = await app.get(DeliveryQueue).queue.getWaiting();
    const ids = jobs.map(({ id }) => id);
    const ours = all.filter(({ data }) => ids.includes(data.jobId));
    return ours.map(({ id, data }) => ({ id, ...data }));
  }

  const idOf = ({ id }: JobSpec) => `msg_${id.slice(4)}_canceled`;

  it('owes one to each job that asked for this event', async () => {
    const asked = await canceled(['failed', 'canceled']);
    const others = [await canceled(['failed']), await canceled()];
    await sut.owe([asked, ...others], 'canceled');
    expect(await owed(asked, ...others)).toEqual([
      { id: idOf(asked), jobId: asked.id, event: 'canceled', requestId: 'r' },
    ]);
  });

  it('owes one however often it is told of the same end, and another one for the next', async () => {
    const job = await canceled(['canceled']);
    await sut.owe([job], 'canceled');
    await sut.owe([job], 'canceled');
    const record = await store.find(job.id);
    if (record) await store.retry(record, 1);
    await store.cancel(MODEL, [job]);
    await sut.owe([job], 'canceled');
    await sut.owe([job], 'canceled');
    expect((await owed(job)).map(({ id }) => id)).toEqual([idOf(job), `${idOf(job)}_2`]);
  });
});

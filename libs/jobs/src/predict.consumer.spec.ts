import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { HandBack, PredictConsumer, type TakenJob } from './predict.consumer.js';
import { PredictQueues } from './predict.queues.js';

const keys = new Keys('test');
const message = {
  version: '1',
  count: 1,
  bytes: 9,
  createdAt: 1,
  resultTtlS: 1,
  requestId: 'r',
};

describe('PredictConsumer', () => {
  let server: TestRedis;
  let redis: Redis;
  let queues: PredictQueues;
  let consumers: PredictConsumer[];

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    queues = new PredictQueues(redis, keys, () => undefined);
    consumers = [];
  });

  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  function open(handle: (job: TakenJob) => Promise<void>, concurrency = 1): PredictConsumer {
    const consumer = new PredictConsumer('iris', handle, {
      redis,
      keys,
      concurrency,
      lockDurationMs: 8000,
      stalledIntervalMs: 4000,
      onError: () => undefined,
    });
    consumers.push(consumer);
    return consumer;
  }

  it('gives each job once, with its id and message', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `job${String(i)}`);
    await queues.add(
      'iris',
      ids.map((id) => ({ id, message })),
    );
    const taken: TakenJob[] = [];
    await new Promise<void>((done) => {
      open((job) => {
        taken.push(job);
        if (taken.length === ids.length) done();
        return Promise.resolve();
      }, 10);
    });
    expect(taken.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(taken[0]?.message).toEqual(message);
  });

  it('leaves the last 200 finished to be seen', async () => {
    const ids = Array.from({ length: 230 }, (_, i) => `job${String(i)}`);
    await queues.add(
      'iris',
      ids.map((id) => ({ id, message })),
    );
    await new Promise<void>((done) => {
      let taken = 0;
      open(() => {
        if (++taken === ids.length) done();
        return Promise.resolve();
      }, 10);
    });
    await Promise.all(consumers.map((consumer) => consumer.close()));
    expect(await queues.of('iris').getCompletedCount()).toBe(200);
  });

  it('holds as many jobs at once as it was told', async () => {
    await queues.add(
      'iris',
      ['a', 'b', 'c'].map((id) => ({ id, message })),
    );
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await new Promise<void>((done) => {
      let held = 0;
      open(() => {
        if (++held === 3) done();
        return finished;
      }, 3);
    });
    finish();
  });

  it('puts a job that is handed back into the queue, and another consumer gets it', async () => {
    await queues.add('iris', [{ id: 'job1', message }]);
    let handBack: (error: Error) => void = () => undefined;
    let first: PredictConsumer | undefined;
    await new Promise<void>((taken) => {
      first = open(() => {
        taken();
        return new Promise((_, reject) => (handBack = reject));
      });
    });
    await first?.stopTaking();
    handBack(new HandBack(0));
    const again = await new Promise<TakenJob>((taken) => {
      open((job) => {
        taken(job);
        return Promise.resolve();
      });
    });
    expect(again).toMatchObject({ id: 'job1', message });
    await Promise.all(consumers.map((consumer) => consumer.close()));
    const job = await queues.of('iris').getJob('job1');
    expect(await job?.getState()).toBe('completed');
    expect(job?.failedReason).toBeUndefined();
  });

  it('puts a job back after any other error too, and never fails it behind its record’s back', async () => {
    await queues.add('iris', [{ id: 'job1', message }]);
    let tries = 0;
    await new Promise<void>((done) => {
      open(() => {
        if (++tries === 1) return Promise.reject(new Error('READONLY'));
        done();
        return Promise.resolve();
      });
    });
    await Promise.all(consumers.map((consumer) => consumer.close()));
    const job = await queues.of('iris').getJob('job1');
    expect(await job?.getState()).toBe('completed');
    expect(await queues.of('iris').getFailedCount()).toBe(0);
  });

  it('can be opened on the queue of an oddly named folder', async () => {
    const odd = new PredictConsumer('a:b', () => Promise.resolve(), {
      redis,
      keys,
      concurrency: 1,
      lockDurationMs: 8000,
      stalledIntervalMs: 4000,
      onError: () => undefined,
    });
    await odd.close();
  });
});

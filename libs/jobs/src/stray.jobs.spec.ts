import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { jobProblem } from '#libs/contracts';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from './job-id.js';
import { JobStore } from './job.store.js';
import { messageOf } from './job-message.js';
import { Keys } from './keys.js';
import { PredictConsumer } from './predict.consumer.js';
import { PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';
import { StrayJobs } from './stray.jobs.js';

const MODEL = 'iris';
const keys = new Keys('test');

describe('StrayJobs', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;
  let queues: PredictQueues;
  let sut: StrayJobs;

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    store = new JobStore(redis, keys);
    queues = new PredictQueues(redis, keys, () => undefined);
    sut = new StrayJobs(redis, keys, queues);
  });

  afterEach(async () => {
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  /** Jobs that have a record only. */
  async function written(
    count: number,
    turn = 5,
    about: Partial<JobSpec> = {},
  ): Promise<JobSpec[]> {
    const specs = Array.from({ length: count }, () =>
      jobSpecOf(newJobId(partitionOfModel(MODEL)), { createdAt: Date.now(), ...about }),
    );
    await store.create(
      MODEL,
      specs.map((spec) => ({ spec, input: '\n1', turn })),
    );
    return specs;
  }

  const idsOf = (specs: readonly JobSpec[]) => specs.map(({ id }) => id);
  const queue = (specs: readonly JobSpec[], turn: number) =>
    queues.addInTurn(MODEL, [{ jobs: specs.map((spec) => messageOf({ spec }, turn)) }]);
  /** What is there that somebody could take. */
  const messages = async () =>
    (await queues.of(MODEL).getJobs(['wait', 'prioritized'], 0, -1, true)).flatMap(
      ({ data }) => data.jobs,
    );
  const putBack = async () => sut.putBack(MODEL, await sut.candidates(MODEL));

  /** A worker that has these in hand until the test ends. */
  async function take(count: number): Promise<() => Promise<void>> {
    const ends: (() => void)[] = [];
    let consumer: PredictConsumer | undefined;
    await new Promise<void>((resolve) => {
      const handle = () =>
        new Promise<void>((end) => {
          if (ends.push(end) === count) resolve();
        });
      const options = {
        lockDurationMs: 30_000,
        stalledIntervalMs: 30_000,
        onError: () => undefined,
      };
      consumer = new PredictConsumer(MODEL, handle, {
        redis,
        keys,
        queues,
        concurrency: 64,
        ...options,
      });
    });
    return async () => {
      for (const end of ends) end();
      await consumer?.close();
    };
  }

  it('puts back, in their order, jobs that never got into a bundle', async () => {
    const lost = await written(3);
    const others = await written(2, 6);
    await queue(others, 6);
    // Those of one turn by their ids, of which several may be of one millisecond.
    const ordered = idsOf(lost).toSorted();
    expect(await putBack()).toEqual(ordered);
    const ids = (await messages()).map(({ id }) => id);
    expect(ids).toEqual([...ordered, ...idsOf(others)]);
    expect(await putBack()).toEqual([]);
  });

  it('leaves alone what waits for its turn, is with a worker, or waits to be tried again', async () => {
    const [taken, alone, waiting] = [await written(3, 1), await written(1, 2), await written(2, 3)];
    await queue(taken, 1);
    await queue(alone, 2);
    const release = await take(4);
    await store.begin(MODEL, idsOf(alone));
    const delayed = await written(1, 1);
    await queues.addBack(MODEL, [{ jobs: delayed.map((spec) => messageOf({ spec }, 1)) }], {
      delay: 60_000,
    });
    await queues.of(MODEL).pause();
    await queue(waiting, 3);
    expect(await sut.candidates(MODEL)).toEqual(
      expect.arrayContaining([...idsOf(taken), ...idsOf(alone), ...idsOf(delayed)]),
    );
    expect(await putBack()).toEqual([]);
    await release();
  });

  it('puts back a job that runs, as the attempt that it is in, without a time to start by', async () => {
    const [job] = await written(1, 5, { queueTimeoutS: 60 });
    const id = job?.id ?? '';
    await store.begin(MODEL, [id]);
    const error = jobProblem('inference-failed', 'once');
    await store.tryAgain(MODEL, [{ id, fence: 1, error }]);
    await store.begin(MODEL, [id]);
    expect(await putBack()).toEqual([id]);
    const [message] = await messages();
    expect(message).toMatchObject({ id, attempt: 2 });
    expect(message?.startBy).toBeUndefined();
    expect(message?.input).toBeUndefined();
  });

  it('keeps the time by which a queued job must have started', async () => {
    const [job] = await written(1, 5, { queueTimeoutS: 60 });
    await putBack();
    const [message] = await messages();
    expect(message).toMatchObject({ startBy: (job?.createdAt ?? 0) + 60_000, attempt: 1 });
  });

  it('puts back a job whose finished bundle BullMQ still knows', async () => {
    const [job] = await written(1);
    await queue(job ? [job] : [], 5);
    const release = await take(1);
    await release();
    expect(await messages()).toEqual([]);
    expect(await putBack()).toEqual([job?.id]);
    expect((await messages()).map(({ id }) => id)).toEqual([job?.id]);
  });

  it('forgets jobs in its sets that have ended, or have no record', async () => {
    const [ended, gone] = idsOf(await written(2, 5, { queueTimeoutS: 60 }));
    const result = { status: 'succeeded', outputs: '[1]', done: 1, timing: NO_TIME } as const;
    await store.begin(MODEL, [ended ?? '']);
    await store.publish(MODEL, [
      { job: { id: ended ?? '', resultTtlS: 60 }, fence: 1, sentAt: 1, result },
    ]);
    await redis.del(keys.record(gone ?? ''));
    await redis.zadd(keys.waiting(MODEL), 1, ended ?? '');
    await redis.zadd(keys.running(MODEL), 0, ended ?? '', 0, gone ?? '');
    expect(await putBack()).toEqual([]);
    expect(await sut.candidates(MODEL)).toEqual([]);
    expect(await redis.exists(keys.startDeadlines(MODEL))).toBe(0);
  });

  it('has none among jobs that have run and ended', async () => {
    const jobs = await written(2);
    await store.begin(MODEL, idsOf(jobs));
    await store.cancel(MODEL, jobs);
    expect(await redis.exists(keys.running(MODEL), keys.waiting(MODEL))).toBe(0);
  });
});

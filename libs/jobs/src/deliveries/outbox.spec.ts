import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { END_EVENTS, jobProblem, WEBHOOK_EVENTS, type WebhookEvent } from '#libs/contracts';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from '../job-id.js';
import { JobIndex } from '../job.index.js';
import { JobStore } from '../job.store.js';
import { Keys } from '../keys.js';
import type { JobSpec } from '../record.js';
import { type DeliveryEvent, parseMember } from './delivery.js';
import { DeliveryLog } from './delivery.log.js';
import { Outbox } from './outbox.js';

const MODEL = 'iris';
const keys = new Keys('test');
const SUCCESS = {
  status: 'succeeded',
  outputs: '[1]',
  done: 1,
  timing: NO_TIME,
  batchSize: 1,
} as const;

describe('Outbox', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;
  let log: DeliveryLog;
  let sut: Outbox;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    store = new JobStore(redis, keys);
    log = new DeliveryLog(redis, keys);
    sut = new Outbox(redis, keys);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(() => redis.flushall());

  async function created(
    events: readonly WebhookEvent[] | null = WEBHOOK_EVENTS,
    url = 'https://failed.example.com/hook',
  ): Promise<JobSpec> {
    const spec: JobSpec = jobSpecOf(newJobId(partitionOfModel(MODEL)), {
      count: 10,
      webhook: events ? { url, events: [...events] } : undefined,
    });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    return spec;
  }

  async function begun({ id }: JobSpec): Promise<number> {
    const [answer] = await store.begin(MODEL, [id]);
    return answer && 'fence' in answer ? answer.fence : 0;
  }

  const publish = (job: JobSpec, fence: number, sentAt = 1) =>
    store.publish(MODEL, [{ job, fence, sentAt, result: SUCCESS }]);

  const members = async () => (await sut.first(MODEL, 100)).map(({ member }) => member);

  /** The events of a job, as kept with it, in the order of the outbox. */
  async function eventsOf({ id }: JobSpec): Promise<DeliveryEvent[]> {
    const deliveries = (await members()).map(parseMember).filter(({ jobId }) => jobId === id);
    expect(deliveries.map(({ sequence }) => sequence)).toEqual(deliveries.map((_, i) => i + 1));
    const found = await Promise.all(deliveries.map((delivery) => log.find(delivery)));
    return found.map((known) => {
      if (!known) throw new Error('an event is not kept');
      expect(known.state).toMatchObject({ status: 'pending', attempts: 0 });
      return known.event;
    });
  }

  const namesOf = async (job: JobSpec) => (await eventsOf(job)).map(({ event }) => event);

  it('has the whole life of a job, numbered without a gap, with the lane of its receiver', async () => {
    const job = await created();
    const fence = await begun(job);
    await store.progress(MODEL, { id: job.id, fence, done: 4, outputs: '[1]' });
    await publish(job, fence);
    expect(await eventsOf(job)).toMatchObject([
      { event: 'started', tries: 0, done: 0 },
      { event: 'progress', tries: 0, done: 4 },
      { event: 'succeeded', tries: 0 },
    ]);
    expect(parseMember((await members())[0] ?? '').lane).toBe('@failed.example.com:443');
    const record = await store.find(job.id);
    expect((await eventsOf(job)).at(-1)?.at).toBe(record?.endedAt);
  });

  it('has the start, too, of a job whose start was never written down', async () => {
    const job = await created();
    await publish(job, 0, 1234);
    expect(await eventsOf(job)).toMatchObject([
      { event: 'started', at: 1234 },
      { event: 'succeeded' },
    ]);
  });

  it('has the start once where an attempt is begun again', async () => {
    const job = await created();
    await begun(job);
    await publish(job, await begun(job));
    expect(await namesOf(job)).toEqual(['started', 'succeeded']);
  });

  it.each(END_EVENTS)('has nothing but %s where nothing else was asked for', async (event) => {
    const job = await created([event]);
    await store.cancel(MODEL, [job]);
    const late = await created([event]);
    await store.expire(MODEL, [late]);
    const done = await created([event]);
    await publish(done, await begun(done));
    const broken = await created([event]);
    const fence = await begun(broken);
    const error = jobProblem('inference-failed', '');
    const result = { ...SUCCESS, status: 'failed', outputs: undefined, error } as const;
    await store.publish(MODEL, [{ job: broken, fence, sentAt: 1, result }]);
    const told = { canceled: job, expired: late, succeeded: done, failed: broken };
    expect((await members()).map((member) => parseMember(member).jobId)).toEqual([told[event].id]);
    expect(await namesOf(told[event])).toEqual([event]);
  });

  it('has nothing of jobs without a webhook, of what was refused, and of what is repeated', async () => {
    const quiet = await created(null);
    await publish(quiet, await begun(quiet));
    const deaf = await created([]);
    await publish(deaf, await begun(deaf));
    const index = new JobIndex(redis, keys);
    const soon = Date.now() + 120_000;
    expect((await index.over(MODEL, soon, 10)).map(({ id }) => id).sort()).toEqual(
      [quiet.id, deaf.id].sort(),
    );
    const job = await created(['succeeded', 'canceled']);
    const fence = await begun(job);
    await store.cancel(MODEL, [job]);
    await store.cancel(MODEL, [job]);
    await publish(job, fence);
    expect(await namesOf(job)).toEqual(['canceled']);
    expect(await members()).toHaveLength(1);
    const sentTwice = await created(['succeeded']);
    await publish(sentTwice, 0);
    await publish(sentTwice, 0);
    expect(await members()).toHaveLength(2);
  });

  it('numbers on over retries, and says of which attempt each event is', async () => {
    const job = await created(['started', 'canceled']);
    await store.cancel(MODEL, [job]);
    const record = await store.find(job.id);
    if (record) await store.retry(record, 1);
    await begun(job);
    await store.cancel(MODEL, [job]);
    expect(await eventsOf(job)).toMatchObject([
      { event: 'canceled', tries: 0 },
      { event: 'started', tries: 1 },
      { event: 'canceled', tries: 1 },
    ]);
  });

  it('throttles progress, and keeps the order where clocks go backwards', async () => {
    const job = await created(['progress', 'canceled']);
    const fence = await begun(job);
    for (let done = 1; done < 5; done++) {
      await store.progress(MODEL, { id: job.id, fence, done, outputs: '[1]' });
    }
    await redis.hincrby(keys.record(job.id), 'progress_at', -1000);
    await store.progress(MODEL, { id: job.id, fence, done: 6, outputs: '[1]' });
    const ahead = Date.now() + 60_000;
    await redis.hset(keys.record(job.id), 'event_at', ahead);
    await store.cancel(MODEL, [job]);
    expect((await sut.first(MODEL, 10)).at(-1)?.score).toBe(String(ahead));
    expect((await eventsOf(job)).map(({ event, done }) => [event, done])).toEqual([
      ['progress', 1],
      ['progress', 6],
      ['canceled', 0],
    ]);
  });

  it('keeps what was not cleared, and what was put out again meanwhile', async () => {
    const jobs = [await created(['canceled']), await created(['canceled'])];
    await store.cancel(MODEL, jobs);
    const owed = await sut.first(MODEL, 10);
    expect(await sut.first(MODEL, 1)).toHaveLength(1);
    await redis.zincrby(keys.outbox(MODEL), 1, owed[1]?.member ?? '');
    await sut.clear(MODEL, owed);
    expect(await members()).toEqual([owed[1]?.member]);
    await sut.clear(MODEL, []);
  });

  it('is named whenever something is put into it, and never else', async () => {
    const told: (string | null)[] = [];
    let wake: () => void = () => undefined;
    const stop = await sut.onOwed((model) => {
      told.push(model);
      wake();
    });
    const quiet = await created(null);
    await publish(quiet, await begun(quiet));
    const job = await created();
    const fence = await begun(job);
    await store.progress(MODEL, { id: job.id, fence, done: 1, outputs: '[1]' });
    await store.cancel(MODEL, [job]);
    const record = await store.find(job.id);
    if (record) await store.retry(record, 1);
    await publish(job, await begun(job));
    await log.redeliver(job.id, MODEL, [1]);
    while (told.length < 6) await new Promise<void>((resolve) => (wake = resolve));
    expect(told).toEqual(Array.from({ length: 6 }, () => MODEL));
    stop();
  });

  it('keeps a job for its callbacks only while there are some', async () => {
    const quiet = await created(['failed', 'expired']);
    await publish(quiet, await begun(quiet));
    const canceled = await created(['failed', 'expired']);
    await store.cancel(MODEL, [canceled]);
    const told = await created(['succeeded']);
    await publish(told, await begun(told));
    const index = new JobIndex(redis, keys);
    const over = await index.over(MODEL, Date.now() + 3_600_000, 10);
    expect(over.map(({ id }) => id).sort()).toEqual([quiet.id, canceled.id].sort());
  });

  it('is left with nothing of a job that is buried', async () => {
    const job = await created(['canceled']);
    await store.cancel(MODEL, [job]);
    expect(await redis.exists(keys.deliveries(job.id))).toBe(1);
    const index = new JobIndex(redis, keys);
    const at = Date.now() + 9 * 86_400_000;
    expect(await index.bury(MODEL, at, await index.over(MODEL, at, 10))).toEqual([true]);
    expect(await redis.exists(keys.deliveries(job.id))).toBe(0);
    expect(await log.find({ jobId: job.id, sequence: 1 })).toBeNull();
    expect(
      await log.write(
        { jobId: job.id, sequence: 1 },
        { status: 'delivered', attempts: 1, tried: 1 },
      ),
    ).toBeNull();
    expect(await redis.exists(keys.deliveries(job.id))).toBe(0);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { JOB_STATUSES, jobProblem } from '#libs/contracts';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from './job-id.js';
import type { Started } from './attempt.store.js';
import { JobStore } from './job.store.js';
import { labelDigest } from './labels.js';
import { Keys } from './keys.js';
import type { JobResult, JobSpec } from './record.js';
import { subscribe } from './subscribe.js';

const MODEL = 'iris';
const OWNER = 'ann';
const keys = new Keys('test');
const PROBLEM = jobProblem('model-unavailable', 'x');
const SUCCESS: JobResult = {
  status: 'succeeded',
  outputs: '[1]',
  done: 1,
  timing: NO_TIME,
  batchSize: 1,
};
const FAILURE: JobResult = {
  status: 'failed',
  error: PROBLEM,
  done: 0,
  timing: NO_TIME,
  batchSize: 1,
};

describe('the life of a job in Redis', () => {
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

  beforeEach(() => redis.flushall());

  async function created(about: Partial<JobSpec> = {}, turn = 1): Promise<JobSpec> {
    const spec: JobSpec = jobSpecOf(newJobId(partitionOfModel(MODEL)), {
      owner: OWNER,
      createdAt: Date.now(),
      ...about,
    });
    await store.create(MODEL, [{ spec, input: '\n1', turn }]);
    return spec;
  }

  async function begun({ id }: JobSpec): Promise<Started> {
    const [answer] = await store.begin(MODEL, [id]);
    if (!answer || !('fence' in answer)) throw new Error(`${id} was not started`);
    return answer;
  }

  const publish = (job: JobSpec, fence: number, result: JobResult) =>
    store.publish(MODEL, [{ job, fence, sentAt: 1, result }]);

  /** The lists that hold a job, and the sets. */
  async function places({ id, owner }: JobSpec): Promise<string[]> {
    const lists = JOB_STATUSES.map((s) => [s, `${keys.listPrefix(MODEL)}${s}:${owner}`] as const);
    const sets = [
      ['waiting', keys.waiting(MODEL)],
      ['deadlines', keys.startDeadlines(MODEL)],
      ['expiries', keys.expiries(MODEL)],
    ] as const;
    const found = await Promise.all(
      [...lists, ...sets].map(async ([name, key]) => ((await redis.zscore(key, id)) ? name : '')),
    );
    return found.filter(Boolean);
  }

  it('is in one list at any time, and waits until it has begun', async () => {
    const job = await created({ queueTimeoutS: 5 });
    expect(await places(job)).toEqual(['queued', 'waiting', 'deadlines']);
    expect(await redis.zscore(keys.startDeadlines(MODEL), job.id)).toBe(
      String(job.createdAt + 5000),
    );
    const { fence } = await begun(job);
    expect(await places(job)).toEqual(['running']);
    await publish(job, fence, SUCCESS);
    expect(await places(job)).toEqual(['succeeded', 'expiries']);
  });

  it('goes straight to its end where its start was not written down', async () => {
    const job = await created({ queueTimeoutS: 5, owner: '' });
    await publish(job, 0, FAILURE);
    expect(await places(job)).toEqual(['failed', 'expiries']);
  });

  it('takes a batch of thousands in which all have another end', async () => {
    const jobs = await Promise.all(Array.from({ length: 2500 }, () => created()));
    const results = jobs.map((job, i) => ({
      job,
      fence: 0,
      sentAt: 1,
      result: i % 2 === 0 ? SUCCESS : FAILURE,
    }));
    expect(await store.publish(MODEL, results)).toEqual(Array(2500).fill(true));
    const prefix = keys.listPrefix(MODEL);
    expect(await redis.zcard(`${prefix}succeeded:${OWNER}`)).toBe(1250);
    expect(await redis.zcard(`${prefix}failed:${OWNER}`)).toBe(1250);
    expect(await redis.exists(keys.waiting(MODEL), `${prefix}queued:${OWNER}`)).toBe(0);
  });

  it('is found by its metadata', async () => {
    const job = await created({ metadata: { team: 'blue', env: 'a=b c' } });
    for (const [key, value] of Object.entries(job.metadata)) {
      const label = `${keys.labelPrefix(MODEL)}${OWNER}:${labelDigest(key, value)}`;
      expect(await redis.zrange(label, 0, '-1')).toEqual([job.id]);
    }
    await store.discard(MODEL, [{ spec: job }]);
    expect(await redis.keys('*label*')).toEqual([]);
    expect(await places(job)).toEqual([]);
  });

  describe('that is submitted several times', () => {
    const submit = (spec: JobSpec, by: string) =>
      store.create(MODEL, [{ spec, input: '\n1', turn: 1, by }]);
    const giveUp = (spec: JobSpec, by: string) => store.discard(MODEL, [{ spec, by }]);
    let job: JobSpec;

    beforeEach(async () => {
      job = await created();
      await redis.flushall();
    });

    it('is taken back where the only one is given up', async () => {
      await submit(job, 'first');
      await giveUp(job, 'first');
      expect(await store.find(job.id)).toBeNull();
      expect(await places(job)).toEqual([]);
    });

    it.each(['first', 'second'])('stays where the %s is given up', async (by) => {
      await submit(job, 'first');
      await submit({ ...job, requestId: 'second' }, 'second');
      await giveUp(job, by);
      expect(await places(job)).toEqual(['queued', 'waiting']);
      expect((await store.find(job.id))?.spec.requestId).toBe('r');
    });

    it('stays where one that had written nothing is given up', async () => {
      await submit(job, 'second');
      await giveUp(job, 'first');
      expect(await places(job)).toEqual(['queued', 'waiting']);
    });
  });

  it('waits in the order of the turns', async () => {
    const [late, early, same] = [await created({}, 9), await created({}, 3), await created({}, 9)];
    const waiting = await redis.zrange(keys.waiting(MODEL), 0, '-1');
    expect(waiting).toEqual([early.id, ...[late.id, same.id].sort()]);
  });

  it('stays as it is when it is created once more', async () => {
    const job = await created();
    const { fence } = await begun(job);
    await store.create(MODEL, [
      { spec: { ...job, requestId: 'other' }, input: '\n2', turn: 1, by: 'other' },
    ]);
    expect(await store.find(job.id)).toMatchObject({ status: 'running', spec: job });
    expect(await places(job)).toEqual(['running']);
    expect(await publish(job, fence, SUCCESS)).toEqual([true]);
  });

  it('stays as it is when the script that creates it is sent again, as its answer was lost', async () => {
    const jobs = await Promise.all([1, 2, 3].map(() => created()));
    await redis.flushall();
    const [first, second] = jobs as [JobSpec, JobSpec];
    const flush = jobs.map((spec) => ({ spec, input: '\n1', turn: 1, most: 2 }));
    const refused = { refused: new Set([2]) };
    expect(await store.create(MODEL, flush)).toMatchObject({ depth: 2, ...refused });
    await begun(first);
    await publish(second, 0, SUCCESS);
    // By now there is room for the third, whose caller is not to be told so: its bundle may have come and gone.
    expect(await store.create(MODEL, flush)).toMatchObject({ depth: 0, ...refused });
    expect(await places(first)).toEqual(['running']);
    expect(await places(second)).toEqual(['succeeded', 'expiries']);
    expect(await store.find(second.id)).toMatchObject({ status: 'succeeded', outputs: [1] });
  });

  it('is not taken back once it has started, or ended', async () => {
    const [running, ended] = [await created(), await created()];
    await begun(running);
    await publish(ended, 0, SUCCESS);
    const gone = await store.discard(MODEL, [{ spec: running }, { spec: ended }]);
    expect(gone).toEqual([false, false]);
    expect(await places(running)).toEqual(['running']);
    expect(await places(ended)).toEqual(['succeeded', 'expiries']);
  });

  describe('canceled', () => {
    it('has ended at once, and says whether it had been started', async () => {
      const [queued, running] = [await created({ queueTimeoutS: 5 }), await created()];
      await begun(running);
      expect(await store.cancel(MODEL, [queued, running])).toEqual(['canceled', 'canceled']);
      for (const [job, detail] of [
        [queued, 'before it was started'],
        [running, 'discarded'],
      ] as const) {
        const record = await store.find(job.id);
        expect(record).toMatchObject({ status: 'canceled', end: { error: { code: 'canceled' } } });
        expect(record?.end?.error?.detail).toContain(detail);
        expect(await places(job)).toEqual(['canceled', 'expiries']);
      }
    });

    it('is neither started nor published any more', async () => {
      const [queued, running] = [await created(), await created()];
      const { fence } = await begun(running);
      await store.cancel(MODEL, [queued, running]);
      expect(await store.begin(MODEL, [queued.id])).toEqual([
        { id: queued.id, status: 'canceled' },
      ]);
      expect(await publish(queued, 0, SUCCESS)).toEqual([false]);
      expect(await publish(running, fence, SUCCESS)).toEqual([false]);
      expect(await store.progress(MODEL, { id: running.id, fence, done: 1, outputs: '[1]' })).toBe(
        false,
      );
      expect(await redis.exists(keys.parts(running.id))).toBe(0);
    });

    it('may be canceled again, unlike one that has ended otherwise, or one that never was', async () => {
      const [twice, ended] = [await created(), await created()];
      await publish(ended, 0, SUCCESS);
      await store.cancel(MODEL, [twice]);
      const before = await redis.hgetall(keys.record(twice.id));
      const unknown = { ...twice, id: newJobId(partitionOfModel(MODEL)) };
      expect(await store.cancel(MODEL, [twice, ended, unknown])).toEqual([
        'canceled',
        'succeeded',
        null,
      ]);
      expect(await redis.hgetall(keys.record(twice.id))).toEqual(before);
      expect(await redis.exists(keys.record(unknown.id))).toBe(0);
    });

    it('is told to the workers', async () => {
      const job = await created();
      let heard: (ids: string[]) => void = () => undefined;
      const told = new Promise<string[]>((resolve) => (heard = resolve));
      const stop = await store.onCanceled(heard);
      await store.cancel(MODEL, [job]);
      expect(await told).toEqual([job.id]);
      stop();
    });
  });

  it('expires only while it is queued, and has not been started then', async () => {
    const [queued, running] = [await created(), await created()];
    await begun(running);
    expect(await store.expire(MODEL, [queued, running])).toEqual([true, false]);
    const record = await store.find(queued.id);
    expect(record).toMatchObject({ status: 'expired', attempts: 0, startedAt: null });
    expect(record?.end?.error?.code).toBe('queue-timeout');
    expect(await store.find(running.id)).toMatchObject({ status: 'running' });
    expect(await places(queued)).toEqual(['expired', 'expiries']);
    expect(await redis.hexists(keys.record(queued.id), 'input')).toBe(1);
  });

  describe('tried again', () => {
    it('is queued as its next attempt, and remembers the one that failed', async () => {
      const job = await created();
      const { fence } = await begun(job);
      const failure = { id: job.id, fence, error: PROBLEM };
      expect(await store.tryAgain(MODEL, [failure])).toEqual([true]);
      expect(await store.tryAgain(MODEL, [failure])).toEqual([false]);
      expect(await publish(job, fence, FAILURE)).toEqual([false]);
      expect(await places(job)).toEqual(['queued', 'waiting']);
      expect(await store.find(job.id)).toMatchObject({
        status: 'queued',
        attempts: 1,
        startedAt: null,
        history: [{ status: 'failed', error: PROBLEM }],
      });
      const second = await begun(job);
      expect(second.fence).toBeGreaterThan(fence);
      expect(await publish(job, second.fence, SUCCESS)).toEqual([true]);
      expect(await store.find(job.id)).toMatchObject({ status: 'succeeded', attempts: 2 });
    });

    it('can be published by an attempt whose start was not written down', async () => {
      const job = await created();
      const { fence } = await begun(job);
      await store.tryAgain(MODEL, [{ id: job.id, fence, error: PROBLEM }]);
      expect(await publish(job, 0, SUCCESS)).toEqual([false]);
      expect(await publish(job, (await begun(job)).fence, SUCCESS)).toEqual([true]);
    });

    it.each(['failed', 'canceled', 'expired'] as const)('by hand once it is %s', async (status) => {
      const job = await created({ queueTimeoutS: 5 });
      if (status === 'failed') await publish(job, (await begun(job)).fence, FAILURE);
      else if (status === 'canceled') await store.cancel(MODEL, [job]);
      else await store.expire(MODEL, [job]);
      const record = await store.find(job.id);
      if (!record) throw new Error('no record');
      expect(await store.retry(record, 7)).toBe(true);
      expect(await store.retry(record, 7)).toBe(false);
      const again = await store.find(job.id);
      expect(again).toMatchObject({ status: 'queued', endedAt: null, end: null, outputs: null });
      expect(again?.history).toMatchObject([{ status, error: { code: expect.any(String) } }]);
      expect(again?.history[0]?.endedAt).toBe(record.endedAt);
      expect(await places(job)).toEqual(['queued', 'waiting', 'deadlines']);
      expect((await begun(job)).input).toBe('\n1');
    });

    it('not by who knows it as it was an attempt ago', async () => {
      const job = await created();
      await store.cancel(MODEL, [job]);
      const record = await store.find(job.id);
      if (!record) throw new Error('no record');
      await store.retry(record, 1);
      await store.cancel(MODEL, [job]);
      expect(await store.retry(record, 1)).toBe(false);
      expect(await store.find(job.id)).toMatchObject({ status: 'canceled', attempts: 1 });
    });

    it('never once it has succeeded', async () => {
      const job = await created();
      await publish(job, 0, SUCCESS);
      const record = await store.find(job.id);
      if (!record) throw new Error('no record');
      // A stale view of it does no harm either.
      expect(await store.retry({ ...record, status: 'failed' }, 1)).toBe(false);
      expect(await places(job)).toEqual(['succeeded', 'expiries']);
    });
  });

  describe('in parts', () => {
    it('keeps what has been computed so far, until its end', async () => {
      const job = await created({ count: 3, many: true });
      const { fence } = await begun(job);
      const part = { id: job.id, fence };
      expect(await store.progress(MODEL, { ...part, done: 1, outputs: '["a\\nb"]' })).toBe(true);
      const second = { ...part, done: 2, outputs: '["c"]' };
      expect(await store.progress(MODEL, second)).toBe(true);
      // Sent again, as its answer was lost.
      expect(await store.progress(MODEL, second)).toBe(true);
      expect(await store.find(job.id)).toMatchObject({ done: 2, outputs: null });
      expect(await store.parts(job.id, 0, 10)).toEqual([
        { done: 1, outputs: '["a\\nb"]' },
        { done: 2, outputs: '["c"]' },
      ]);
      expect(await store.parts(job.id, 1, 1)).toMatchObject([{ done: 2 }]);
      await publish(job, fence, { ...SUCCESS, outputs: '[1,2,3]', done: 3 });
      expect(await redis.exists(keys.parts(job.id))).toBe(0);
    });

    it('begins anew with a new attempt, and takes nothing of the old one', async () => {
      const job = await created({ count: 3, many: true });
      const old = await begun(job);
      await store.progress(MODEL, { id: job.id, fence: old.fence, done: 2, outputs: '[1,2]' });
      await begun(job);
      expect(await store.find(job.id)).toMatchObject({ done: 0 });
      expect(await store.parts(job.id, 0, 10)).toEqual([]);
      expect(
        await store.progress(MODEL, { id: job.id, fence: old.fence, done: 3, outputs: '[3]' }),
      ).toBe(false);
    });
  });

  describe('with a text that grows', () => {
    const piece = ({ id, fence }: Started, text: string, bytes: number, tokens: number) => ({
      ...{ id, fence, text, bytes, tokens },
    });

    it('keeps what has been generated so far, until its end', async () => {
      const [job, other] = [await created(), await created()];
      const [run, otherRun] = [await begun(job), await begun(other)];
      const first = [piece(run, 'Zwölf ', 7, 2), piece(otherRun, '🙂', 4, 1)];
      expect(await store.tellTexts(first)).toEqual(['kept', 'kept']);
      expect(await store.tellTexts([piece(run, 'Boxkämpfer', 18, 5)])).toEqual(['kept']);
      // Sent again, as its answer was lost.
      expect(await store.tellTexts(first)).toEqual(['kept', 'kept']);
      expect(await store.find(job.id)).toMatchObject({
        status: 'running',
        done: 0,
        told: { tokens: 5, bytes: 18 },
      });
      expect(await store.text(job.id, 0, 18)).toBe('Zwölf Boxkämpfer');
      expect(await store.text(job.id, 7, 18)).toBe('Boxkämpfer');
      expect(await store.text(other.id, 0, 4)).toBe('🙂');
      expect(await store.text(job.id, 7, 19)).toBeNull();
      await publish(job, run.fence, SUCCESS);
      expect(await redis.exists(keys.parts(job.id))).toBe(0);
      expect(await store.tellTexts([piece(run, '!', 19, 6)])).toEqual(['refused']);
      await store.cancel(MODEL, [other]);
      expect(await redis.exists(keys.parts(other.id))).toBe(0);
    });

    it.each([
      ['a new start', (job: JobSpec) => begun(job)],
      [
        'another attempt',
        async ({ id }: JobSpec) => {
          const failure = { id, fence: 1, error: PROBLEM };
          expect(await store.tryAgain(MODEL, [failure])).toEqual([true]);
        },
      ],
    ])('begins anew with %s, and takes nothing of the old one', async (_, change) => {
      const job = await created();
      const old = await begun(job);
      await store.tellTexts([piece(old, 'ab', 2, 2)]);
      await change(job);
      expect(await store.find(job.id)).toMatchObject({ told: null });
      expect(await redis.exists(keys.parts(job.id))).toBe(0);
      expect(await store.tellTexts([piece(old, 'c', 3, 3)])).toEqual(['refused']);
      const run = await begun(job);
      expect(await store.tellTexts([piece(run, 'a', 1, 1)])).toEqual(['kept']);
      expect(await store.text(job.id, 0, 1)).toBe('a');
    });

    it('says where what comes before is not there, and keeps no hole', async () => {
      const run = await begun(await created());
      expect(await store.tellTexts([piece(run, 'cd', 4, 4)])).toEqual(['gap']);
      expect(await store.tellTexts([piece(run, 'ab', 2, 2)])).toEqual(['kept']);
      // All of it: what is there already is not written twice.
      expect(await store.tellTexts([piece(run, 'abcd', 4, 4)])).toEqual(['kept']);
      expect(await store.text(run.id, 0, 4)).toBe('abcd');
    });
  });

  it('tells of every change, once, with all that changed together', async () => {
    const news: string[][] = [];
    let hearAll: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => (hearAll = resolve));
    const stop = await subscribe(redis, keys.jobChannel, (message) => {
      if (message === 'end') hearAll();
      else news.push(message.split(' ').sort());
    });
    const jobs = [await created(), await created()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const ids = jobs.map(({ id }) => id);
    const [first, second] = jobs;
    if (!first || !second) throw new Error('no jobs');
    await store.begin(MODEL, ids);
    await store.begin(MODEL, ids);
    await store.progress(MODEL, { id: first.id, fence: 2, done: 1, outputs: '[1]' });
    const texts = [{ id: second.id, fence: 2, text: 'ab', bytes: 2, tokens: 2 }];
    await store.tellTexts(texts);
    await store.tellTexts(texts);
    await publish(first, 2, SUCCESS);
    await publish(first, 2, SUCCESS);
    await store.cancel(MODEL, jobs);
    await redis.publish(keys.jobChannel, 'end');
    await heard;
    expect(news).toEqual([ids, [first.id], [second.id], [first.id], [second.id]]);
    stop();
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { JOB_STATUSES, type JobStatus } from '#libs/contracts';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { firstIdAt, newJobId, partitionOfModel } from './job-id.js';
import { type JobFilter, JobIndex } from './job.index.js';
import { JobStore } from './job.store.js';
import { labelDigest } from './labels.js';
import { Keys } from './keys.js';
import type { JobSpec } from './record.js';

// A bound on waiting, not on speed.
jest.setTimeout(60_000);

const keys = new Keys('test');
const ANY: JobFilter = { models: ['iris'], statuses: JOB_STATUSES, owner: '', metadata: {} };

let server: TestRedis;
let redis: Redis;
let store: JobStore;
let index: JobIndex;

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.url, { enableAutoPipelining: true });
  store = new JobStore(redis, keys);
  index = new JobIndex(redis, keys);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(() => redis.flushall());

/** An id of a time of the test's choice. */
function idOf(model: string, ms: number): string {
  const made = newJobId(partitionOfModel(model));
  return firstIdAt(ms) + made.slice(firstIdAt(ms).length);
}

const listOf = ({ model, owner }: JobSpec, status: JobStatus) =>
  `${keys.listPrefix(model)}${status}:${owner}`;
const labelOf = ({ model, owner }: JobSpec, key: string, value: string) =>
  `${keys.labelPrefix(model)}${owner}:${labelDigest(key, value)}`;

async function create(about: Partial<JobSpec> = {}, turn = 1): Promise<JobSpec> {
  const { model = 'iris', createdAt = 1000 } = about;
  const spec: JobSpec = jobSpecOf(idOf(model, createdAt), { model, bytes: 1, createdAt, ...about });
  await store.create(model, [{ spec, input: '1', turn }]);
  return spec;
}

/** Brings a queued job into a state. */
async function bring(job: JobSpec, status: JobStatus): Promise<void> {
  const { model, id } = job;
  if (status === 'running') await store.begin(model, [id]);
  if (status === 'canceled') await store.cancel(model, [job]);
  if (status === 'expired') await store.expire(model, [job]);
  if (status === 'succeeded' || status === 'failed') {
    const result = { status, outputs: '[1]', done: 1, timing: NO_TIME, batchSize: 1 };
    await store.publish(model, [{ job, fence: 0, sentAt: 1, result }]);
  }
}

/** Every page, one after the other. */
async function pages(filter: JobFilter, limit: number): Promise<string[][]> {
  const seen: string[][] = [];
  let before: string | undefined;
  do {
    const { ids, next } = await index.page(filter, { before, limit });
    seen.push(ids);
    before = next ?? undefined;
  } while (before !== undefined);
  return seen;
}

describe('the place of a job', () => {
  it('is counted from 1, in the order in which jobs are started', async () => {
    const last = await create({}, 9);
    const [second, third] = [await create({ createdAt: 1 }, 5), await create({ createdAt: 2 }, 5)];
    const first = await create({}, 2);
    const elsewhere = await create({ model: 'digits' });
    const placeOf = ({ model, id }: JobSpec) => index.position(model, id);
    const places = await Promise.all([first, second, third, last, elsewhere].map(placeOf));
    expect(places).toEqual([1, 2, 3, 4, 1]);
    expect(await redis.zcard(keys.waiting('iris'))).toBe(4);
    await bring(first, 'running');
    expect(await placeOf(first)).toBeNull();
    expect(await placeOf(last)).toBe(3);
  });
});

describe('a page of jobs', () => {
  it('holds what is asked for, once, newest first, whatever is asked for', async () => {
    const statuses = fc.subarray([...JOB_STATUSES], { minLength: 1 });
    const models = fc.subarray(['iris', 'digits'], { minLength: 1 });
    const value = fc.constantFrom('1', '2');
    const metadata = fc.record({ k: value, l: value }, { requiredKeys: [], noNullPrototype: true });
    const owner = fc.constantFrom('', 'me');
    const ms = fc.integer({ min: 0, max: 9 });
    const job = fc.record({
      model: fc.constantFrom('iris', 'digits'),
      status: fc.constantFrom(...JOB_STATUSES),
      owner,
      metadata,
      createdAt: ms,
    });
    const filter = fc.record(
      { models, statuses, owner, metadata, createdAfter: ms, createdBefore: ms },
      { requiredKeys: ['models', 'statuses', 'owner', 'metadata'] },
    );
    const size = fc.integer({ min: 1, max: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { maxLength: 40, size: 'max' }),
        filter,
        size,
        async (abouts, f, limit) => {
          await redis.flushall();
          const jobs = await Promise.all(
            abouts.map(async ({ status, ...about }) => {
              const job = await create(about);
              await bring(job, status);
              return { ...job, status };
            }),
          );
          const wanted = jobs.filter(
            (j) =>
              f.models.includes(j.model) &&
              f.statuses.includes(j.status) &&
              j.owner === f.owner &&
              Object.entries(f.metadata).every(([key, value]) => j.metadata[key] === value) &&
              j.createdAt > (f.createdAfter ?? -1) &&
              j.createdAt < (f.createdBefore ?? 10),
          );
          const seen = await pages(f, limit);
          expect(seen.flat()).toEqual(
            wanted
              .map(({ id }) => id)
              .sort()
              .reverse(),
          );
          expect(Math.max(...seen.map((ids) => ids.length))).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('says that it is the last, also when it is full', async () => {
    const jobs = [await create({ createdAt: 2 }), await create({ createdAt: 1 })];
    const ids = jobs.map(({ id }) => id);
    expect(await index.page(ANY, { limit: 2 })).toEqual({ ids, next: null });
    expect(await index.page({ ...ANY, models: [] }, { limit: 2 })).toEqual({ ids: [], next: null });
  });

  it('misses and repeats no job while others come, go and change their state', async () => {
    const lasting: JobSpec[] = [];
    for (let i = 0; i < 50; i++) lasting.push(await create({ createdAt: 1000 + i }));
    const moves = (async () => {
      for (let round = 0; round < 20; round++) {
        for (const job of lasting) {
          // From queued to running to canceled, and queued again.
          await bring(job, 'running');
          await bring(job, 'canceled');
          const record = await store.find(job.id);
          if (record) await store.retry(record, 1);
        }
        const passing = await create({ createdAt: 1000 + round });
        await store.discard('iris', [{ spec: passing }]);
      }
    })();
    let looked = 0;
    const looks = (async () => {
      const ids = lasting.map(({ id }) => id).reverse();
      const known = new Set(ids);
      for (; looked < 40; looked++) {
        const seen = (await pages(ANY, 7)).flat().filter((id) => known.has(id));
        expect(seen).toEqual(ids);
      }
    })();
    await Promise.all([moves, looks]);
    expect(looked).toBe(40);
  });

  it('goes on past jobs that have one label and not the other, a bounded search at a time', async () => {
    const metadata = { k: '1', l: '1' };
    const first = await create({ metadata, createdAt: 1 });
    const second = await create({ metadata, createdAt: 2, model: 'digits' });
    const third = await create({ metadata, createdAt: 3 });
    const add = redis.pipeline();
    for (let i = 0; i < 700; i++) {
      for (const key of ['k', 'l']) {
        const id = idOf('iris', 1000 + i);
        add.zadd(listOf(first, 'queued'), 0, id).zadd(labelOf(first, key, '1'), 0, id);
      }
    }
    await add.exec();
    const seen = await pages({ ...ANY, models: ['iris', 'digits'], metadata }, 10);
    expect(seen.flat()).toEqual([third.id, second.id, first.id]);
    expect(seen.length).toBeGreaterThan(2);
  });

  it('costs no more with a million jobs', async () => {
    const job = await create();
    const fill = `for i = 0, ARGV[2] - 1, 1000 do
      local members = {}
      for j = 1, 1000 do
        members[2 * j - 1], members[2 * j] = 0, string.format('%s%010d', ARGV[1], i + j - 1)
      end
      redis.call('ZADD', KEYS[1], unpack(members))
    end`;
    const prefix = `${firstIdAt(2000)}e000`;
    await redis.eval(fill, 1, listOf(job, 'succeeded'), prefix, 1_000_000);
    await redis.eval(fill, 1, labelOf(job, 'k', '1'), prefix, 100_000);
    const rare = await create({ metadata: { k: '1' } });
    await bring(rare, 'failed');
    await redis.config('RESETSTAT');

    const seen = await index.page(ANY, { limit: 20 });
    expect(seen.ids).toHaveLength(20);
    const deep = await index.page(ANY, { before: `${prefix}0000000010`, limit: 20 });
    expect(deep).toEqual({ ids: expect.arrayContaining([job.id, rare.id]), next: null });
    const labeled = { ...ANY, statuses: ['failed'] as const, metadata: { k: '1' } };
    expect(await index.page(labeled, { limit: 20 })).toEqual({ ids: [rare.id], next: null });

    const stats = await redis.info('commandstats');
    const calls = [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)]
      .filter(([, command]) => !['config', 'info', 'evalsha'].includes(command ?? ''))
      .map(([, command, count]) => [command, Number(count)]);
    // Twice six lists, and of the third look the shorter one.
    expect(Object.fromEntries(calls)).toEqual({ zlexcount: 14, zrevrangebylex: 13, zmscore: 1 });
  });
});

describe('what is due', () => {
  it('is what is queued and has not started in time', async () => {
    const [late, later, early] = [
      await create({ queueTimeoutS: 0.1 }),
      await create({ queueTimeoutS: 0.2 }),
      await create({ queueTimeoutS: 0.3 }),
    ].map(({ id }) => id);
    await bring(await create({ queueTimeoutS: 0.1 }), 'running');
    await create();
    expect(await index.due('iris', 1099, 10)).toEqual({ ids: [], next: 1100 });
    expect(await index.due('iris', 1200, 10)).toEqual({ ids: [late, later], next: 1300 });
    expect(await index.due('iris', 1300, 10)).toEqual({ ids: [late, later, early], next: null });
    expect(await index.due('iris', 1300, 1)).toEqual({ ids: [late], next: 1300 });
  });
});

describe('burying', () => {
  const DAY_MS = 24 * 3_600_000;

  /** @returns the ids of those that were buried. */
  async function bury(nowMs: number, limit: number): Promise<string[]> {
    const over = await index.over('iris', nowMs, limit);
    if (over.length === 0) return [];
    const buried = await index.bury('iris', nowMs, over);
    return over.filter((_, i) => buried[i]).map(({ id }) => id);
  }

  async function ended(about: Partial<JobSpec>, status: JobStatus): Promise<JobSpec> {
    const job = await create(about);
    await bring(job, status);
    return job;
  }

  /** Until when it is kept. */
  async function expiryOf({ model, id }: JobSpec): Promise<number> {
    return Number(await redis.zscore(keys.expiries(model), id));
  }

  it('leaves nothing of a job but its tombstone, for a day', async () => {
    // The last one is no Unicode, which JSON takes all the same.
    const metadata = { 'ключ "1"': 'größe\n', 'a=b': '', k: '\ud800' };
    const mine = await create({ owner: 'me', metadata });
    await store.begin('iris', [mine.id]);
    await store.progress(mine.model, { id: mine.id, fence: 1, done: 1, outputs: '[1]' });
    await bring(mine, 'canceled');
    const nobodys = await ended({ resultTtlS: 61 }, 'succeeded');
    await redis.hset(keys.record(nobodys.id), 'stored', 'outputs-1');
    const expiries = [await expiryOf(mine), await expiryOf(nobodys)] as const;

    expect(await bury(expiries[0] - 1, 10)).toEqual([]);
    expect(await index.over('iris', expiries[1], 10)).toEqual([
      { id: mine.id, spec: mine, fence: 1, stored: null },
      { id: nobodys.id, spec: nobodys, fence: 0, stored: 'outputs-1' },
    ]);
    expect(await bury(expiries[1], 10)).toEqual([mine.id, nobodys.id]);
    const tombstones = [mine, nobodys].map(({ id }) => keys.tombstone(id));
    const kept = (await redis.keys('*')).filter((key) => key !== keys.models);
    expect(kept.sort()).toEqual(tombstones.sort());
    expect(await store.findTombstone(mine.id)).toEqual({
      owner: 'me',
      status: 'canceled',
      goneAt: expiries[0],
    });
    expect(await store.findTombstone(nobodys.id)).toMatchObject({ owner: '', status: 'succeeded' });
    const left = await redis.pttl(keys.tombstone(mine.id));
    expect(left).toBeGreaterThan(DAY_MS - 60_000);
    expect(left).toBeLessThanOrEqual(DAY_MS);
  });

  it('takes as many as it was told to, the first to go first, and no others', async () => {
    const kept = await ended({ metadata: { k: '1' }, resultTtlS: 9000 }, 'failed');
    const second = await ended({ metadata: { k: '1' }, resultTtlS: 2000 }, 'failed');
    const first = await ended({ resultTtlS: 1000 }, 'failed');
    const nowMs = await expiryOf(second);
    expect(await bury(nowMs, 1)).toEqual([first.id]);
    expect(await bury(nowMs, 9)).toEqual([second.id]);
    expect(await bury(nowMs, 9)).toEqual([]);
    expect((await pages(ANY, 5)).flat()).toEqual([kept.id]);
    expect((await pages({ ...ANY, metadata: { k: '1' } }, 5)).flat()).toEqual([kept.id]);
  });

  it('of the same job happens once, and not of one that waits again', async () => {
    const [over, again] = [await ended({}, 'failed'), await ended({ resultTtlS: 61 }, 'failed')];
    const nowMs = await expiryOf(again);
    const record = await store.find(again.id);
    const jobs = await index.over('iris', nowMs, 9);
    if (record) await store.retry(record, 1);
    const looks = [index.bury('iris', nowMs, jobs), index.bury('iris', nowMs, jobs)];
    expect(await Promise.all(looks)).toEqual([
      [true, false],
      [false, false],
    ]);
    expect(await store.find(over.id)).toBeNull();
    expect(await store.find(again.id)).toMatchObject({ status: 'queued' });
  });
});

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { ProblemError } from '#libs/contracts';
import { jobSpecOf, messageOf, startTestRedis, type TestRedis } from '#libs/testing';
import { newJobId, partitionOfModel } from './job-id.js';
import { JobStore } from './job.store.js';
import { Keys } from './keys.js';
import { Payloads } from './payloads/payloads.js';
import { RedisPayloadStore } from './payloads/redis.payload.store.js';
import { PredictQueues } from './predict.queues.js';
import type { JobSpec } from './record.js';
import { Replication } from './replication.js';
import { type Submission, Submitter } from './submitter.js';
import { TURN_BITS, Turns } from './turns.js';

function specOf(model: string, id = newJobId(partitionOfModel(model))): JobSpec {
  return jobSpecOf(id, {
    model,
    count: 3,
    many: true,
    webhook: { url: 'https://example.com/secret', events: ['failed'] },
  });
}

const LIMIT_BYTES = 1024;

/** Of one row. */
function singles(length: number): JobSpec[] {
  return Array.from({ length }, () => ({ ...specOf('iris'), count: 1 }));
}

/** What it gets before it is a monitor, and while it disconnects, ioredis takes for answers that nobody has asked for. */
async function monitorOf(redis: Redis): Promise<Redis> {
  const monitor = redis.duplicate({ monitor: true, lazyConnect: false });
  monitor.on('error', () => undefined);
  await new Promise((resolve) => monitor.once('monitoring', resolve));
  return monitor;
}

describe('Submitter', () => {
  let server: TestRedis;
  let redis: Redis;
  let store: JobStore;
  let queues: PredictQueues;
  let stored: RedisPayloadStore;
  let replication: Replication;
  let sut: Submitter;

  const keys = new Keys('test');
  let turns: Turns | undefined;
  let bits = TURN_BITS;
  let synced: jest.SpiedFunction<Redis['syncTurns']>;

  function turnsOf(model: string): Turns {
    const names = [keys.turns(model), keys.waiting(model), queues.prioritizedKey(model)] as const;
    turns = new Turns(redis, names, keys.recordPrefix(model), bits);
    synced = jest.spyOn(redis, 'syncTurns');
    return turns;
  }

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url, {
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      disconnectTimeout: 1,
    });
    redis.on('error', () => undefined);
    await new Promise((resolve) => redis.once('ready', resolve));
    store = new JobStore(redis, keys);
    queues = new PredictQueues(redis, keys, () => undefined);
    stored = new RedisPayloadStore(redis, keys);
    replication = new Replication(redis, keys, 0);
    sut = new Submitter(store, queues, turnsOf, new Payloads(stored, LIMIT_BYTES), replication);
  });

  afterEach(async () => {
    bits = TURN_BITS;
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  const submit = (spec: JobSpec, more: Partial<Submission> = {}) =>
    sut.submit({ spec, input: '\n1', bundleRows: 64, ...more });
  const submitAll = (specs: JobSpec[]) => Promise.all(specs.map((spec) => submit(spec)));

  const statuses = (specs: JobSpec[]) =>
    Promise.all(specs.map(async ({ id }) => (await store.find(id))?.status));

  async function refusals(specs: JobSpec[]): Promise<unknown[]> {
    const ends = await Promise.allSettled(specs.map((spec) => submit(spec)));
    return ends.map((end) =>
      end.status === 'rejected' && end.reason instanceof ProblemError
        ? end.reason.code
        : end.status,
    );
  }

  /** Those in the queue, from the next to be taken on. */
  const queued = () => queues.of('iris').getJobs(['prioritized'], 0, -1, true);

  it('accepts 200 at once, each with its record and its place in a bundle', async () => {
    const specs = singles(200);
    await submitAll(specs);
    expect(await statuses(specs)).toEqual(Array(200).fill('queued'));
    const ids = (await queued()).flatMap(({ data }) => data.jobs.map(({ id }) => id));
    expect(ids).toEqual(specs.map(({ id }) => id));
  });

  it('bundles what is accepted in one instant', async () => {
    const specs = singles(200);
    await submitAll(specs);
    const bundles = await queued();
    expect(bundles.map(({ data }) => data.jobs.length)).toEqual([64, 64, 64, 8]);
    const firsts = [0, 64, 128, 192].map((i) => specs[i]?.id ?? '');
    expect(bundles.map(({ id }) => id)).toEqual(
      firsts.map((id, i) => `${id}+${i < 3 ? '63' : '7'}`),
    );
  });

  it('bundles nothing where rows do not travel together, nor a job that fills a run', async () => {
    const [small, large] = [singles(10), { ...specOf('iris'), count: 64 }];
    await Promise.all([
      ...small.map((spec) => submit(spec, { bundleRows: 1 })),
      submit(large),
      submit(specOf('iris')),
    ]);
    expect((await queued()).map(({ data }) => data.jobs.length)).toEqual(Array(12).fill(1));
  });

  it('names a bundle by its version, and has only that in it', async () => {
    const specs = singles(20).map((spec, i) => ({ ...spec, version: String(i % 2) }));
    await submitAll(specs);
    const bundles = await queued();
    expect(bundles.map(({ name }) => name)).toEqual(['0', '1']);
    for (const { name, data } of bundles) {
      expect(data.jobs.map(({ version }) => version)).toEqual(Array(10).fill(name));
    }
  });

  it('shares the round trips among them', async () => {
    await submit(specOf('iris'));
    const before = await scripts();
    await submitAll(singles(200));
    const once = await scripts();
    // BullMQ's is called once a bundle, ours once a flush: 4 of at most 64 rows, in one.
    expect(once - before).toBe(5);
    await submitAll(singles(600));
    // Flushes of at most 256: 4 bundles, 4 more and 2.
    expect((await scripts()) - once).toBe(13);
  });

  /** Scripts that Redis has run, but for those that keep the turns. */
  async function scripts(): Promise<number> {
    await turns?.sync();
    const info = await redis.info('commandstats');
    const calls = (name: string) =>
      Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
    return calls('eval') + calls('evalsha') - synced.mock.calls.length;
  }

  describe('with a quota', () => {
    const TOO_MANY = new Error('too many');
    const quotaOf = (most: number, room = most) => ({ most, room, refuse: () => TOO_MANY });

    it('accepts as many as there is room for, over all processes, and queues no other', async () => {
      const clients = Array.from({ length: 3 }, () => new Redis(server.url));
      const submitters = clients.map((client) => {
        const payloads = new Payloads(stored, LIMIT_BYTES);
        return new Submitter(new JobStore(client, keys), queues, turnsOf, payloads, replication);
      });
      const specs = singles(240);
      const ends = await Promise.allSettled(
        specs.map(async (spec, i) => {
          // In several turns of the event loop.
          for (let turn = 0; turn < i % 5; turn++) await redis.ping();
          const quota = quotaOf(20);
          await submitters[i % 3]?.submit({ spec, input: '\n1', bundleRows: 64, quota });
        }),
      );
      const refused = ends.filter((end) => end.status === 'rejected');
      expect(refused.map(({ reason }) => reason as unknown)).toEqual(Array(220).fill(TOO_MANY));
      const found = await statuses(specs);
      expect(found).toEqual(ends.map((e) => (e.status === 'rejected' ? undefined : 'queued')));
      expect((await queued()).flatMap(({ data }) => data.jobs)).toHaveLength(20);
      for (const client of clients) client.disconnect();
    });

    it('refuses what came in between, however much room there was before', async () => {
      await submitAll(singles(3));
      const [spec] = singles(1) as [JobSpec];
      await expect(submit(spec, { quota: quotaOf(3, 1_000_000) })).rejects.toBe(TOO_MANY);
      expect(await statuses([spec])).toEqual([undefined]);
      await store.cancel('iris', await allQueued());
      await submit(spec, { quota: quotaOf(1) });
    });

    it('counts an owner’s own jobs, and none that is there already', async () => {
      const [first, other] = [specOf('iris'), { ...specOf('iris'), owner: 'bob' }];
      await submit(first, { quota: quotaOf(1) });
      await submit(other, { quota: quotaOf(1) });
      await submit(first, { quota: quotaOf(1), mayExist: true });
      expect(sut.depths.get('iris')).toBe(2);
    });

    it('keeps no large input of what it refuses', async () => {
      const [spec, input] = [specOf('iris'), 'x'.repeat(LIMIT_BYTES + 1)];
      const deleted = new Promise((resolve) => {
        jest.spyOn(stored, 'delete').mockImplementation((payloads) => {
          resolve(payloads);
          return Promise.resolve();
        });
      });
      await expect(submit(spec, { input, quota: quotaOf(0) })).rejects.toBe(TOO_MANY);
      expect(await deleted).toEqual([{ id: spec.id, name: 'input' }]);
    });

    const allQueued = async () =>
      (await queued()).flatMap(({ data }) => data.jobs.map(({ id }) => specOf('iris', id)));
  });

  it.each(['submitted', 'retried'])(
    'writes the record before a worker can hear of the job that is %s, with scripts cached or not',
    async (way) => {
      const client = new Redis(server.url, { enableAutoPipelining: true });
      const keys = new Keys('test');
      const [otherQueues, monitor] = [
        new PredictQueues(client, keys, () => undefined),
        await monitorOf(redis),
      ];
      const seen: string[] = [];
      monitor.on('monitor', (_time, args: string[]) => seen.push(args.join(' ')));
      const other = new Submitter(
        new JobStore(client, keys),
        otherQueues,
        turnsOf,
        new Payloads(stored, LIMIT_BYTES),
        replication,
      );
      for (const prepare of [() => client.script('FLUSH'), () => Promise.resolve('as it is')]) {
        await prepare();
        const spec = specOf('iris');
        if (way === 'retried') await ended(spec);
        const record = await store.find(spec.id);
        const marked = `ZADD ${otherQueues.of('iris').toKey('marker')}`.toLowerCase();
        seen.length = 0;
        if (record) await other.retry(record, 64);
        else await other.submit({ spec, input: '\n1', bundleRows: 64 });
        const last = new Promise((resolve) => monitor.once('monitor', resolve));
        await client.ping();
        await last;
        const lines = seen.map((line) => line.toLowerCase());
        const written = lines.findIndex((l) => l.startsWith(`hset ${keys.record(spec.id)}`));
        expect(written).toBeGreaterThanOrEqual(0);
        expect(written).toBeLessThan(lines.findIndex((l) => l.startsWith(marked)));
      }
      monitor.disconnect();
      await otherQueues.close();
      client.disconnect();
    },
  );

  /** One that was canceled while it waited. */
  async function ended(spec: JobSpec): Promise<void> {
    await store.create('iris', [{ spec, input: '\n1', turn: 1 }]);
    await store.cancel('iris', [spec]);
  }

  it('puts each into the queue of its model, with what a batch needs and no more', async () => {
    const [iris, digits] = [specOf('iris'), specOf('digits')];
    await Promise.all([submit(iris), submit({ ...digits, bytes: 8 }, { input: '\n1,\n2,\n3' })]);
    const [job] = await queues.of('digits').getPrioritized();
    expect(job).toMatchObject({ id: digits.id, name: '1' });
    expect(job?.data).toEqual({
      jobs: [
        {
          id: digits.id,
          version: '1',
          count: 3,
          bytes: 8,
          createdAt: 1,
          turn: 2,
          resultTtlS: 60,
          requestId: 'r',
          input: '\n1,\n2,\n3',
        },
      ],
    });
  });

  it('tells the worker of shapes, priority and limits', async () => {
    const spec = { ...specOf('iris'), queueTimeoutS: 1.5, executionTimeoutS: 2 };
    await submit({ ...spec, priority: 'high', shape: ['1', '2'] }, { input: '\n[1]' });
    const [job] = await queued();
    expect(job?.data.jobs[0]).toMatchObject({
      shape: ['1', '2'],
      priority: 'high',
      startBy: 1501,
      executionTimeoutMs: 2000,
    });
  });

  it('leaves a large input to the record', async () => {
    const input = `\n"${'x'.repeat(512)}"`;
    const spec = specOf('iris');
    await submit({ ...spec, bytes: input.length }, { input });
    const [job] = await queued();
    expect(job?.data.jobs[0]).toMatchObject({ bytes: 515 });
    expect(job?.data.jobs[0]).not.toHaveProperty('input');
    expect(await store.begin('iris', [spec.id])).toMatchObject([{ input }]);
  });

  it.each(['submits', 'retries'])(
    'writes the record of what it %s before the queue has it, however busy the connection is',
    async (action) => {
      const spec = specOf('iris');
      await submit(action === 'retries' ? spec : specOf('iris'));
      await store.cancel('iris', [spec]);
      const record = await store.find(spec.id);
      const monitor = await monitorOf(redis);
      const seen: string[] = [];
      const all = new Promise<void>((resolve) => {
        monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
          if (/^hset$/i.test(command) && key === keys.record(spec.id)) seen.push('record');
          if (/^zadd$/i.test(command) && key === queues.prioritizedKey('iris')) seen.push('queue');
          if (/^echo$/i.test(command)) resolve();
        });
      });
      // As in production: commands that are not sent at once wait for the answers to those before.
      redis.options.enableAutoPipelining = true;
      const busy = redis.ping();
      await new Promise(setImmediate);
      if (record) await sut.retry(record, 64);
      else await submit(spec);
      await busy;
      await Promise.all([all, redis.echo('that is all')]);
      monitor.disconnect();
      expect(seen).toEqual(['record', 'queue']);
    },
  );

  describe('stores a larger one apart', () => {
    const input = `\n"${'x'.repeat(LIMIT_BYTES)}"`;
    const at = (spec: JobSpec) => ({ id: spec.id, name: 'input' as const });
    const failWith = (message: string) => () => Promise.reject(new Error(message));

    it('before there is a record or anything in the queue', async () => {
      const spec = specOf('iris');
      const seen: unknown[] = [];
      const put = stored.put.bind(stored);
      jest.spyOn(stored, 'put').mockImplementation(async (...args) => {
        seen.push(await store.find(spec.id), await queued());
        await put(...args);
      });
      await submit(spec, { input });
      expect(seen).toEqual([null, []]);
      expect(await stored.get(at(spec))).toBe(input);
      expect(await store.begin('iris', [spec.id])).toMatchObject([{ input: '' }]);
      const [job] = await queued();
      expect(job?.data.jobs[0]).toMatchObject({ id: spec.id, inputApart: true });
      expect(JSON.stringify(job?.data).length).toBeLessThan(LIMIT_BYTES);
    });

    it('and says so again when it is retried', async () => {
      const spec = specOf('iris');
      await submit(spec, { input });
      await store.cancel('iris', [spec]);
      const record = await store.find(spec.id);
      expect(record && (await sut.retry(record, 64))).toBe(true);
      const retried = (await queued()).flatMap(({ data }) => data.jobs);
      expect(retried.find(({ attempt }) => attempt === 2)).toMatchObject({ inputApart: true });
    });

    it('and accepts nothing while the store is away', async () => {
      const spec = specOf('iris');
      jest.spyOn(stored, 'put').mockImplementation(failWith('away'));
      await expect(submit(spec, { input })).rejects.toMatchObject({ code: 'queue-unavailable' });
      expect(await store.find(spec.id)).toBeNull();
      expect(await queued()).toEqual([]);
    });

    it('and takes it back when the job cannot be queued', async () => {
      const spec = specOf('iris');
      jest.spyOn(store, 'create').mockImplementation(failWith('full'));
      const deleted = new Promise((resolve) => {
        jest.spyOn(stored, 'delete').mockImplementation((payloads) => {
          resolve(payloads);
          return Promise.resolve();
        });
      });
      await expect(submit(spec, { input })).rejects.toMatchObject({ code: 'acceptance-unknown' });
      expect(await deleted).toEqual([at(spec)]);
    });

    it('and leaves it there for the job that may exist already', async () => {
      const spec = specOf('iris');
      await submit(spec, { input, mayExist: true });
      jest.spyOn(store, 'create').mockImplementation(failWith('full'));
      const deleted = jest.spyOn(stored, 'delete');
      const again = submit(spec, { input, mayExist: true });
      await expect(again).rejects.toMatchObject({ code: 'acceptance-unknown' });
      expect(deleted.mock.calls.flat(2)).toEqual([]);
    });
  });

  it('keeps a job that carries its input within what Redis stores compactly', async () => {
    const spec = specOf('iris');
    await submit(
      { ...spec, priority: 'high', shape: '7x3' },
      { input: `\n${'"a":1,'.repeat(73)}` },
    );
    const data = await redis.hget(queues.of('iris').toKey(spec.id), 'data');
    expect(data?.length).toBeGreaterThan(512);
    expect(data?.length).toBeLessThanOrEqual(1024);
  });

  it('puts jobs into a fair order over callers, and keeps that when turns are halved', async () => {
    bits = 4;
    for (let i = 0; i < 30; i++) {
      const owner = i % 3 === 0 ? 'b' : 'a';
      await submitAll(Array.from({ length: 4 }, () => ({ ...specOf('iris'), owner, count: 64 })));
      await turns?.sync();
      const [next] = await redis.zrange(queues.prioritizedKey('iris'), 0, '0');
      await redis.zrem(queues.prioritizedKey('iris'), next ?? '');
      await redis.zrem(keys.waiting('iris'), next ?? '');
    }
    expect(turns?.halved).toBeGreaterThan(0);
    const inTurn = await redis.zrange(queues.prioritizedKey('iris'), 0, '-1', 'WITHSCORES');
    const waiting = await redis.zrange(keys.waiting('iris'), 0, '-1', 'WITHSCORES');
    const turnOf = new Map(pairs(waiting));
    const scores = pairs(inTurn).map(([id, score]) => [
      turnOf.get(id),
      Math.floor(score / 2 ** 32),
    ]);
    expect(scores).toHaveLength(90);
    for (const [turn, priority] of scores) expect(Math.floor(turn ?? 0)).toBe(priority);
  });

  it('gives those their right turn that were on their way when turns were halved', async () => {
    await submit(specOf('iris'));
    await redis.hset(keys.turns('iris'), 'now', 800);
    await turns?.sync();
    const [add, change] = [queues.addInTurn.bind(queues), store.changeTurns.bind(store)];
    // Another api process comes between the taking of a turn and the adding.
    jest.spyOn(queues, 'addInTurn').mockImplementationOnce(async (...bundles) => {
      await redis.hset(keys.turns('iris'), { halved: 1, now: 400 });
      await add(...bundles);
    });
    const changed = new Promise<void>((resolve) => {
      jest.spyOn(store, 'changeTurns').mockImplementationOnce(async (...jobs) => {
        await change(...jobs);
        resolve();
      });
    });
    const spec = specOf('iris');
    await submit(spec);
    await changed;
    const score = await redis.zscore(queues.prioritizedKey('iris'), spec.id);
    expect(Math.floor(Number(score) / 2 ** 32)).toBe(400);
    expect(await redis.zscore(keys.waiting('iris'), spec.id)).toBe('400');
  });

  it('makes one job of one that is added twice', async () => {
    const messages = singles(3).map(({ id }) => messageOf(id));
    for (const jobs of [messages.slice(2), messages]) {
      await queues.addInTurn('iris', [{ jobs }]);
      await queues.addInTurn('iris', [{ jobs }, { jobs }]);
    }
    expect((await queued()).map(({ data }) => data.jobs.length)).toEqual([1, 3]);
  });

  it('makes one job of one that is submitted again, in whatever company, and keeps its record', async () => {
    const [spec, ...others] = singles(6) as [JobSpec, ...JobSpec[]];
    await submit(spec, { mayExist: true });
    const again = { ...spec, requestId: 'again' };
    await Promise.all([submitAll(others), submit(again, { mayExist: true })]);
    const ids = (await queued()).flatMap(({ data }) => data.jobs.map(({ id }) => id));
    expect(ids.sort()).toEqual([spec, ...others].map(({ id }) => id).sort());
    expect((await store.find(spec.id))?.spec.requestId).toBe('r');
  });

  it('leaves the job of an earlier try alone when a later one is refused', async () => {
    const [spec] = singles(1) as [JobSpec];
    await submit(spec, { mayExist: true });
    await redis.config('SET', 'maxmemory', '1');
    await expect(submit(spec, { mayExist: true })).rejects.toThrow(ProblemError);
    await redis.config('SET', 'maxmemory', '0');
    expect(await statuses([spec])).toEqual(['queued']);
    expect(await queued()).toHaveLength(1);
  });

  it('refuses all of a flush when the jobs cannot be queued, and leaves no record', async () => {
    await submit(specOf('iris'));
    await redis.set(queues.of('iris').toKey('prioritized'), 'no set, which BullMQ cannot bear');
    const specs = singles(20);
    expect(await refusals(specs)).toEqual(Array(20).fill('acceptance-unknown'));
    expect(await statuses(specs)).toEqual(Array(20).fill(undefined));
  });

  it('leaves a job that a worker has, although nobody heard that it was queued, and its input', async () => {
    const specs = singles(2);
    const [taken, untaken] = specs.map(({ id }) => id);
    const add = queues.addInTurn.bind(queues);
    jest.spyOn(queues, 'addInTurn').mockImplementation(async (model, bundles) => {
      await add(model, bundles);
      const ids = bundles.flatMap(({ jobs }) => jobs.map(({ id }) => id));
      await store.begin(
        model,
        ids.filter((id) => id === taken),
      );
      throw new Error('Connection is closed.');
    });
    const deleted = new Promise((resolve) => {
      jest.spyOn(stored, 'delete').mockImplementation((payloads) => {
        resolve(payloads.map(({ id }) => id));
        return Promise.resolve();
      });
    });
    const given = jest.spyOn(store, 'discard');
    const input = 'x'.repeat(LIMIT_BYTES + 1);
    const ends = await Promise.allSettled(specs.map((spec) => submit(spec, { input })));
    for (const end of ends) {
      expect(end).toMatchObject({ reason: { code: 'acceptance-unknown', status: 503 } });
    }
    expect(await deleted).toEqual([untaken]);
    const gone = await Promise.all(
      given.mock.results.map(({ value }) => value as Promise<boolean[]>),
    );
    expect(gone.flat()).toEqual([false, true]);
    expect(await statuses(specs)).toEqual(['running', undefined]);
  });

  it('refuses all while Redis is full, and leaves no record', async () => {
    await submit(specOf('iris'));
    await redis.config('SET', 'maxmemory', '1');
    const specs = singles(20);
    expect(await refusals(specs)).toEqual(Array(20).fill('queue-unavailable'));
    expect(await statuses(specs)).toEqual(Array(20).fill(undefined));
    await redis.config('SET', 'maxmemory', '0');
    await submit(specOf('iris'));
  });

  it('refuses all while Redis is gone, also for a model whose queue was never opened', async () => {
    await submit(specOf('iris'));
    const gone = new Promise((resolve) => redis.once('close', resolve));
    await server.stop();
    await gone;
    const specs = [...singles(20), specOf('digits')];
    expect(await refusals(specs)).toEqual(Array(21).fill('queue-unavailable'));
  });

  it('accepts again once Redis is back', async () => {
    const gone = new Promise((resolve) => redis.once('close', resolve));
    await server.stop();
    await gone;
    expect(await refusals([specOf('iris')])).toEqual(['queue-unavailable']);
    const back = new Promise((resolve) => redis.once('ready', resolve));
    server = await startTestRedis({ port: server.port });
    await back;
    const spec = specOf('iris');
    await submit(spec);
    expect(await statuses([spec])).toEqual(['queued']);
  });
});

/** Members and scores of a sorted set. */
function pairs(withScores: string[]): [string, number][] {
  const members = withScores.filter((_, i) => i % 2 === 0);
  return members.map((member, i) => [member, Number(withScores[2 * i + 1])]);
}

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { jobProblem } from '#libs/contracts';
import { cacheKeyOf, type CacheUse, HandBack, ResultCache } from '#libs/jobs';
import { BatchExecutor } from './batch.executor.js';
import { JobExits } from './job.exits.js';
import { JobObserver } from './job.observer.js';
import { JobPublisher } from './job.publisher.js';
import { SingleFlight } from './single.flight.js';
import { batchOf, replyOf, type Taken, TestWorker } from './testing/test-worker.js';

const CONTENT = 'c';
const PROBLEM = jobProblem('input-lost', '');

describe('SingleFlight', () => {
  let worker: TestWorker;
  let sut: SingleFlight;
  let executor: BatchExecutor;
  let results: ResultCache;
  let cache: CacheUse;
  let count = 0;
  /** Jobs that are to be computed, in order. */
  let computed: string[];

  beforeAll(async () => {
    worker = await TestWorker.start();
    sut = worker.get(SingleFlight);
    executor = worker.get(BatchExecutor);
    results = worker.get(ResultCache);
  });

  afterAll(() => worker.stop());

  beforeEach(() => {
    cache = { key: cacheKeyOf(CONTENT, '', String(count++)), ttlS: 60, maxEntries: 9 };
    computed = [];
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** A job that is under way here, as from an intake. */
  async function boarded(
    about: Partial<Parameters<TestWorker['accepted']>[0]> = {},
  ): Promise<Taken> {
    const taken = await worker.accepted({ cache, ...about });
    board(taken);
    return taken;
  }

  function board({ id, job }: Taken): void {
    sut.board(job, CONTENT, () => computed.push(id));
  }

  /** As its intake does once it is over. */
  function leave({ job }: Taken): void {
    sut.left(job);
  }

  const isComputed = async (...ids: string[]) => {
    while (computed.length < ids.length) await new Promise(setImmediate);
    expect(computed).toEqual(ids);
  };
  const over = async (...jobs: Taken[]) => {
    while (!jobs.every(({ told }) => told())) await new Promise(setImmediate);
  };
  const run = async ({ job }: Taken, reply = replyOf('2'), content = CONTENT) => {
    await executor.begin(batchOf(job), content);
    await executor.finish(batchOf(job), reply);
  };
  const outputs = (...jobs: Taken[]) =>
    Promise.all(jobs.map(async ({ id }) => (await worker.store.find(id))?.outputs));

  it('has one of identical jobs computed, and the others have its result', async () => {
    const leader = await boarded();
    const others = [await boarded(), await boarded()];
    await isComputed(leader.id);
    const observed = jest.spyOn(worker.get(JobObserver), 'published');
    await run(leader);
    expect(await outputs(leader, ...others)).toEqual([[2], [2], [2]]);
    const [own, other] = await worker.store.findMany([leader.id, others[0]?.id ?? '']);
    expect([own?.end?.cached, other?.end]).toMatchObject([
      undefined,
      { cached: true, done: 1, timing: { inference_ms: 0, batch_wait_ms: 0 } },
    ]);
    expect(other?.startedAt).toBeGreaterThanOrEqual(other?.spec.createdAt ?? Infinity);
    expect(others.map(({ told }) => told())).toEqual(['ended', 'ended']);
    await isComputed(leader.id);
    // What was not computed says nothing of the version.
    const seen = observed.mock.calls.flatMap(([ends]) => ends.map(({ job }) => job.id));
    expect(seen).toEqual([leader.id]);
    expect(await results.find('iris', cache.key)).toBe('[2]');
  });

  it('answers what comes later at once', async () => {
    await results.store('iris', [{ use: cache, outputs: '[7]' }]);
    const [one, two] = [await boarded(), await boarded()];
    await over(one, two);
    expect(await outputs(one, two)).toEqual([[7], [7]]);
    expect(computed).toEqual([]);
  });

  it.each([
    ['is canceled', ({ job }: Taken) => worker.get(JobExits).leave(job, 'canceled')],
    ['goes back', ({ job }: Taken) => job.handBack()],
  ])('goes on with the next one where the first %s', async (_, end) => {
    const leader = await boarded();
    const others = [await boarded(), await boarded(), await boarded()];
    const [gone, second, third] = others as [Taken, Taken, Taken];
    await isComputed(leader.id);
    worker.get(JobExits).leave(gone.job, 'canceled');
    leave(gone);
    end(leader);
    leave(leader);
    await isComputed(leader.id, second.id);
    await run(second);
    expect(await outputs(second, third)).toEqual([[2], [2]]);
  });

  it('has all others computed where the first fails, and keeps nothing of it', async () => {
    const leader = await boarded();
    const others = [await boarded(), await boarded()];
    await isComputed(leader.id);
    await run(leader, replyOf({ outputs: 'null', done: 0, error: PROBLEM }));
    await isComputed(leader.id, ...others.map(({ id }) => id));
    expect(await results.findOrClaim('iris', cache.key)).toBe('mine');
    for (const other of others) await run(other);
    expect(await outputs(...others)).toEqual([[2], [2]]);
  });

  it('keeps nothing in which an instance has failed', async () => {
    const leader = await boarded({ count: 2 });
    const other = await boarded({ count: 2 });
    await isComputed(leader.id);
    await run(leader, replyOf({ outputs: '1,{"error":{}}', done: 1, error: PROBLEM }));
    await isComputed(leader.id, other.id);
    expect(await results.find('iris', cache.key)).toBeNull();
  });

  it('keeps nothing that another content has computed', async () => {
    const leader = await boarded();
    await isComputed(leader.id);
    await run(leader, replyOf('2'), 'd');
    expect(await outputs(leader)).toEqual([[2]]);
    expect(await results.findOrClaim('iris', cache.key)).toBe('mine');
  });

  it('keeps nothing too large for a record, but gives it to who waits', async () => {
    const large = JSON.stringify('x'.repeat(70_000));
    const [leader, other] = [await boarded(), await boarded()];
    await isComputed(leader.id);
    await run(leader, replyOf(large));
    expect(other.told()).toBe('ended');
    expect(await results.findOrClaim('iris', cache.key)).toBe('mine');
  });

  it('waits for another worker, and has its result', async () => {
    const elsewhere = new ResultCache(redisOf(results), keysOf(results));
    expect(await elsewhere.findOrClaim('iris', cache.key)).toBe('mine');
    const jobs = [await boarded(), await boarded()];
    const look = jest.spyOn(results, 'findOrClaim');
    while (look.mock.calls.length < 2) await new Promise(setImmediate);
    expect(computed).toEqual([]);
    await elsewhere.store('iris', [{ use: cache, outputs: '[7]' }]);
    await over(...jobs);
    expect(await outputs(...jobs)).toEqual([[7], [7]]);
  });

  it('computes by itself what another worker gives up', async () => {
    const elsewhere = new ResultCache(redisOf(results), keysOf(results));
    await elsewhere.findOrClaim('iris', cache.key);
    const [first, second] = [await boarded(), await boarded()];
    worker.get(JobExits).leave(first.job, 'canceled');
    leave(first);
    await elsewhere.release('iris', cache.key);
    await isComputed(second.id);
  });

  it('does not hold a claim that nobody here needs any more', async () => {
    const elsewhere = new ResultCache(redisOf(results), keysOf(results));
    const only = await boarded();
    await isComputed(only.id);
    only.job.handBack();
    leave(only);
    while ((await elsewhere.findOrClaim('iris', cache.key)) !== 'mine');
  });

  it('lets nobody wait who must start, who is a suspect, or who wants it fresh', async () => {
    const leader = await boarded();
    await isComputed(leader.id);
    const urgent = await boarded({ startBy: Date.now() + 500 });
    await isComputed(leader.id, urgent.id);
    const suspect = await worker.accepted({ cache });
    suspect.job.solo = true;
    board(suspect);
    await isComputed(leader.id, urgent.id, suspect.id);
    const fresh = await boarded({ cache: { ...cache, fresh: true } });
    const late = await boarded({ startBy: Date.now() + 60_000 });
    await isComputed(leader.id, urgent.id, suspect.id, fresh.id);
    await executor.begin(batchOf(urgent.job), CONTENT);
    // Whoever of them has it first serves those that wait, and spares those that do not run yet.
    await run(fresh, replyOf('3'));
    expect(await outputs(fresh, late, suspect)).toEqual([[3], [3], [3]]);
    expect([leader, urgent].map(({ told }) => told())).toEqual([undefined, undefined]);
    const again = await worker.accepted({ cache });
    again.job.solo = true;
    board(again);
    await over(again);
    expect(await outputs(again)).toEqual([[3]]);
  });

  it('computes what Redis says nothing about', async () => {
    jest.spyOn(results, 'findOrClaim').mockRejectedValue(new Error('OOM'));
    jest.spyOn(results, 'store').mockRejectedValue(new Error('OOM'));
    const [leader, other] = [await boarded(), await boarded()];
    await isComputed(leader.id);
    await run(leader);
    expect(await outputs(leader, other)).toEqual([[2], [2]]);
  });

  it('hands back who waits where its end cannot be published', async () => {
    const [leader, other] = [await boarded(), await boarded()];
    await isComputed(leader.id);
    jest.spyOn(worker.get(JobPublisher), 'publish').mockRejectedValue(new Error('OOM'));
    await expect(run(leader)).rejects.toThrow('OOM');
    await over(other);
    expect(other.told()).toBeInstanceOf(HandBack);
  });

  it('counts what became of each', async () => {
    const text = await worker.registry.getSingleMetricAsString('foretell_cache_requests_total');
    const outcomes = [...text.matchAll(/outcome="([\w-]+)"} (\d+)/g)].map((found) =>
      found.slice(1),
    );
    expect(outcomes.map(([outcome]) => outcome).sort()).toEqual(['hit-late', 'joined', 'miss']);
    expect(outcomes).toContainEqual(['hit-late', '3']);
  });

  it('hands back who waits when this worker is to stop', async () => {
    const [leader, other] = [await boarded(), await boarded()];
    await isComputed(leader.id);
    sut.stop();
    expect(other.told()).toBeInstanceOf(HandBack);
    expect(leader.told()).toBeUndefined();
    const next = await boarded();
    await isComputed(leader.id, next.id);
  });
});

/** Another process has its own connection; its name is what matters here. */
function redisOf(cache: ResultCache) {
  return (cache as unknown as { redis: ConstructorParameters<typeof ResultCache>[0] }).redis;
}

function keysOf(cache: ResultCache) {
  return (cache as unknown as { keys: ConstructorParameters<typeof ResultCache>[1] }).keys;
}

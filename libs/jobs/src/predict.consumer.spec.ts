import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { messageOf, startTestRedis, type TestRedis } from '#libs/testing';
import type { Bundle } from './bundle.js';
import { Keys } from './keys.js';
import {
  HandBack,
  PredictConsumer,
  type PredictConsumerOptions,
  type TakenJob,
} from './predict.consumer.js';
import { PredictQueues } from './predict.queues.js';

const keys = new Keys('test');

function bundleOf(...ids: string[]): Bundle {
  return { jobs: ids.map((id) => messageOf(id)) };
}

/** So many bundles of so many jobs each, with ids of their own. */
function bundles(name: string, count: number, size: number): Bundle[] {
  return Array.from({ length: count }, (_, i) =>
    bundleOf(...Array.from({ length: size }, (__, k) => `${name}${String(i)}-${String(k)}`)),
  );
}

/** Jobs that stay in hand until the test ends them. */
class Held {
  readonly taken: TakenJob[] = [];
  private readonly ends = new Map<string, (error?: Error) => void>();
  private expected = 0;
  private reached: () => void = () => undefined;
  private allEnd = false;

  readonly handle = (job: TakenJob): Promise<void> => {
    this.taken.push(job);
    if (this.allEnd) return Promise.resolve();
    const ended = new Promise<void>((resolve, reject) => {
      this.ends.set(job.message.id, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    if (this.ends.size === this.expected) this.reached();
    return ended;
  };

  /** Resolves once so many are in hand. */
  async reaches(count: number): Promise<void> {
    this.expected = count;
    if (this.ends.size >= count) return;
    await new Promise<void>((resolve) => (this.reached = resolve));
  }

  get ids(): string[] {
    return [...this.ends.keys()];
  }

  end(id: string, error?: Error): void {
    this.ends.get(id)?.(error);
    this.ends.delete(id);
  }

  /** Whatever is in hand, and whatever comes yet. */
  endAll(): void {
    this.allEnd = true;
    for (const id of this.ids) this.end(id);
  }
}

describe('PredictConsumer', () => {
  let server: TestRedis;
  let redis: Redis;
  let queues: PredictQueues;
  let consumers: PredictConsumer[];
  let held: Held;

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    queues = new PredictQueues(redis, keys, () => undefined);
    consumers = [];
    held = new Held();
  });

  afterEach(async () => {
    held.endAll();
    await closeAll();
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  function open(
    handle: (job: TakenJob) => Promise<void>,
    concurrency = 1,
    more: Partial<PredictConsumerOptions> = {},
  ): PredictConsumer {
    const consumer = new PredictConsumer('iris', handle, {
      redis,
      keys,
      queues,
      concurrency,
      lockDurationMs: 8000,
      stalledIntervalMs: 4000,
      onError: () => undefined,
      ...more,
    });
    consumers.push(consumer);
    return consumer;
  }

  const closeAll = () => Promise.all(consumers.map((consumer) => consumer.close()));
  const add = (...added: Bundle[]) => queues.addInTurn('iris', added);
  const stateOf = async (id: string) => (await queues.of('iris').getJob(id))?.getState();
  const idOf = ({ message }: TakenJob) => message.id;

  /** Gives a consumer the time for as many steps, if it wanted to make any. */
  async function wait(steps = 50): Promise<void> {
    for (let i = 0; i < steps; i++) await redis.ping();
  }

  it('gives each job once, with its message', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `job${String(i)}`);
    await add(...ids.map((id) => bundleOf(id)));
    const taken: TakenJob[] = [];
    await new Promise<void>((done) => {
      open((job) => {
        taken.push(job);
        if (taken.length === ids.length) done();
        return Promise.resolve();
      }, 10);
    });
    expect(taken.map(idOf).sort()).toEqual([...ids].sort());
    expect(taken[0]?.message).toEqual(messageOf('job0'));
  });

  it('gives each job of a bundle by itself, in order', async () => {
    await add(bundleOf('a', 'b', 'c'), bundleOf('d'));
    open(held.handle);
    await held.reaches(4);
    expect(held.taken.map(({ message }) => message)).toEqual(
      ['a', 'b', 'c', 'd'].map((id) => messageOf(id)),
    );
    expect(held.taken.map(({ suspect }) => suspect)).toEqual([false, false, false, false]);
  });

  it('ends a bundle when all of it has ended, and not before', async () => {
    await add(bundleOf('a', 'b', 'c'));
    open(held.handle);
    await held.reaches(3);
    held.end('c');
    held.end('a');
    await wait();
    expect(await stateOf('a+2')).toBe('active');
    held.end('b');
    await closeAll();
    expect(await stateOf('a+2')).toBe('completed');
    expect(held.taken).toHaveLength(3);
  });

  it('leaves the last 200 finished to be seen', async () => {
    const ids = Array.from({ length: 230 }, (_, i) => `job${String(i)}`);
    await add(...ids.map((id) => bundleOf(id)));
    await new Promise<void>((done) => {
      let taken = 0;
      open(() => {
        if (++taken === ids.length) done();
        return Promise.resolve();
      }, 10);
    });
    await closeAll();
    expect(await queues.of('iris').getCompletedCount()).toBe(200);
  });

  it('holds as many jobs at once as it was told, and no more, where they come singly', async () => {
    await add(...bundles('single', 80, 1));
    open(held.handle, 50);
    await held.reaches(50);
    await wait();
    expect(held.ids).toHaveLength(50);
    held.end(held.ids[0] ?? '');
    await held.reaches(50);
    await wait();
    expect(held.ids).toHaveLength(50);
  });

  it('holds about as many where they come in large bundles, also when told of another number', async () => {
    let others = 12 * 16;
    let known: () => void = () => undefined;
    const consumer = open((job) => {
      if (job.message.id.startsWith('large')) return held.handle(job);
      if (--others === 0) known();
      return Promise.resolve();
    }, 32);
    await new Promise<void>((resolve) => {
      known = resolve;
      void add(...bundles('first', 12, 16));
    });
    consumer.concurrency = 64;
    await add(...bundles('large', 20, 16));
    await held.reaches(64);
    await wait();
    // At most one bundle more than the limit.
    expect(held.ids.length).toBeLessThanOrEqual(80);
  });

  it('puts a job that is handed back into the queue, and another consumer gets it', async () => {
    // As many as it takes: once told to stop, it does not wait for a next one.
    await add(bundleOf('job1'), bundleOf('job2'));
    const first = open(held.handle);
    await held.reaches(2);
    await first.stopTaking();
    held.end('job1', new HandBack(0));
    const again = await new Promise<TakenJob>((taken) => {
      open((job) => {
        taken(job);
        return Promise.resolve();
      });
    });
    expect(again.message).toEqual(messageOf('job1'));
    held.endAll();
    await closeAll();
    expect(await stateOf('job1')).toBe('completed');
    expect((await queues.of('iris').getJob('job1'))?.failedReason).toBeUndefined();
  });

  it('lets in what has a lower turn when a job is handed back that has its place', async () => {
    const turned = (id: string, turn: number) => ({ jobs: [messageOf(id, { turn })] });
    await add(turned('a', 5), turned('b', 6), turned('c', 7));
    const consumer = open(held.handle, 2);
    await held.reaches(2);
    expect([held.ids, consumer.isFull]).toEqual([['a', 'b'], true]);
    expect(await queues.nextTurn('iris')).toBe(7);
    await add(turned('urgent', 4));
    expect(await queues.nextTurn('iris')).toBe(4);
    held.end('b', new HandBack(0));
    await held.reaches(2);
    expect(held.ids).toEqual(['a', 'urgent']);
    expect(await queues.nextTurn('iris')).toBe(6);
  });

  it('gives what is handed back a turn of now where all turns were halved since', async () => {
    const turned = (id: string, turn: number) => ({ jobs: [messageOf(id, { turn })] });
    await add(turned('old', 1_000_000));
    const consumer = open(held.handle, 1);
    await held.reaches(1);
    await consumer.stopTaking();
    await add(turned('a', 500_000), turned('b', 600_000));
    held.end('old', new HandBack(0));
    await closeAll();
    const inTurn = await queues.of('iris').getJobs(['prioritized'], 0, -1, true);
    expect(inTurn.map(({ id }) => id).sort()).toEqual(['a', 'b', 'old']);
    expect(inTurn.at(-1)?.id).toBe('b');
  });

  it('gives a job that is to be tried again its next attempt, alone or of a bundle', async () => {
    await add({ jobs: [messageOf('single', { startBy: 1 })] }, bundleOf('a', 'b'));
    const consumer = open(held.handle);
    await held.reaches(3);
    await consumer.stopTaking();
    held.end('single', new HandBack(600_000, 2));
    held.end('a', new HandBack(600_000, 2));
    held.endAll();
    await closeAll();
    const later = await queues.of('iris').getDelayed();
    expect(later.map(({ id, data, delay }) => [id, data.jobs, delay >= 600_000]).sort()).toEqual([
      [expect.stringMatching(/^a~2@/), [messageOf('a', { attempt: 2 })], true],
      ['single', [messageOf('single', { attempt: 2 })], true],
    ]);
  });

  it('puts those of a bundle that are handed back into the queue, each by itself', async () => {
    const errors: Error[] = [];
    await add(bundleOf('a', 'b', 'c', 'd', 'e'), bundleOf('other'));
    const first = open(held.handle, 1, { onError: (error) => errors.push(error) });
    await held.reaches(6);
    await first.stopTaking();
    await add(bundleOf('waiting'));
    held.end('b', new HandBack(0));
    held.end('c', new HandBack(600_000));
    held.end('d', new Error('READONLY'));
    held.endAll();
    await closeAll();

    const [queue, inFront] = [queues.of('iris'), await queues.of('iris').getWaiting()];
    expect(inFront.map(({ data }) => data)).toEqual([bundleOf('b')]);
    expect(await stateOf('waiting')).toBe('prioritized');
    const later = await queue.getDelayed();
    expect(later[0]?.delay).toBeGreaterThanOrEqual(1000);
    expect(later[1]?.delay).toBeGreaterThanOrEqual(600_000);
    expect(later.map(({ data }) => data)).toEqual([bundleOf('d'), bundleOf('c')]);
    expect(await stateOf('a+4')).toBe('completed');
    expect(await queue.getFailedCount()).toBe(0);
    expect(errors.map(({ message }) => message)).toEqual(['READONLY']);
  });

  it('gives what came back of a bundle to another consumer, and nothing else of it', async () => {
    await add(bundleOf('a', 'b', 'c'), bundleOf('other'));
    const first = open(held.handle);
    await held.reaches(4);
    await first.stopTaking();
    held.end('c', new HandBack(0));
    held.endAll();
    await closeAll();
    await add(bundleOf('last'));
    const taken: string[] = [];
    await new Promise<void>((done) => {
      open((job) => {
        if (taken.push(idOf(job)) === 2) done();
        return Promise.resolve();
      });
    });
    expect(taken).toEqual(['c', 'last']);
    await closeAll();
    expect(await queues.of('iris').getJobCountByTypes('completed', 'active', 'wait')).toBe(4);
    expect(await queues.of('iris').getCompletedCount()).toBe(4);
  });

  it('puts back what BullMQ still knows as finished under its id', async () => {
    await add(bundleOf('b'));
    open(held.handle);
    await held.reaches(1);
    held.end('b');
    await add(bundleOf('a', 'b'));
    await held.reaches(2);
    held.end('b', new HandBack(600_000));
    held.endAll();
    await closeAll();
    const [later] = await queues.of('iris').getDelayed();
    expect(later?.data).toEqual(bundleOf('b'));
  });

  it('lets a bundle stall, rather than fail, when what came back of it cannot be put back', async () => {
    const errors: Error[] = [];
    const full = Object.assign(new PredictQueues(redis, keys, () => undefined), {
      addBack: () => Promise.reject(new Error('OOM')),
    });
    await add(bundleOf('a', 'b'));
    const again: TakenJob[] = [];
    await new Promise<void>((done) => {
      let first = 2;
      open(
        (job) => {
          if (first-- > 0) {
            return idOf(job) === 'a' ? Promise.resolve() : Promise.reject(new HandBack(0));
          }
          if (again.push(job) === 2) done();
          return Promise.resolve();
        },
        1,
        {
          queues: full,
          lockDurationMs: 1000,
          stalledIntervalMs: 500,
          onError: (error) => errors.push(error),
        },
      );
    });
    expect(again.map(idOf)).toEqual(['a', 'b']);
    expect(again[0]?.suspect).toBe(false);
    expect(errors.map(({ message }) => message)).toContain('OOM');
    await closeAll();
    expect(await stateOf('a+1')).toBe('completed');
    expect(await queues.of('iris').getFailedCount()).toBe(0);
  });

  it('puts a job back after any other error too, and never fails it behind its record’s back', async () => {
    await add(bundleOf('job1'));
    let tries = 0;
    await new Promise<void>((done) => {
      open(() => {
        if (++tries === 1) return Promise.reject(new Error('READONLY'));
        done();
        return Promise.resolve();
      });
    });
    await closeAll();
    expect(await stateOf('job1')).toBe('completed');
    expect(await queues.of('iris').getFailedCount()).toBe(0);
  });

  it('can be opened on the queue of an oddly named folder', async () => {
    const odd = new PredictConsumer('a:b', () => Promise.resolve(), {
      redis,
      keys,
      queues,
      concurrency: 1,
      lockDurationMs: 8000,
      stalledIntervalMs: 4000,
      onError: () => undefined,
    });
    await odd.close();
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { ProblemError } from '#libs/contracts';
import type { JobNews, JobRecord } from '#libs/jobs';
import type { Caller } from '../http/caller.js';
import type { JobReader } from './job.reader.js';
import { JobWaiter } from './job.waiter.js';
import { JobWatches } from './job.watches.js';

const CALLER = {} as Caller;
/** Longer than any test. */
const LONG_MS = 60_000;

describe('JobWaiter', () => {
  let status: string;
  let reads: number;
  /** Resolves with the next read that is made. */
  let nextRead: () => Promise<void>;
  let beforeAnswer: () => Promise<void>;
  let watchers: Set<() => void>;
  let watches: JobWatches;
  let sut: JobWaiter;

  beforeEach(() => {
    status = 'queued';
    reads = 0;
    watchers = new Set();
    beforeAnswer = () => Promise.resolve();
    let read: () => void = () => undefined;
    nextRead = () => new Promise((resolve) => (read = resolve));
    const reader = {
      find: async () => {
        const seen = status;
        reads++;
        read();
        await beforeAnswer();
        return { status: seen } as JobRecord;
      },
    } as unknown as JobReader;
    const news = {
      watch: (_: string, listener: () => void) => {
        watchers.add(listener);
        return () => watchers.delete(listener);
      },
    } as unknown as JobNews;
    watches = new JobWatches(news);
    sut = new JobWaiter(watches, reader);
  });

  const tell = () => {
    for (const listener of watchers) listener();
  };
  const wait = (ms = LONG_MS, hangUp = new AbortController().signal) =>
    sut.untilEnded('j', CALLER, ms, hangUp);

  it('looks once where the job has ended already', async () => {
    status = 'failed';
    expect(await wait()).toEqual({ status: 'failed' });
    expect(reads).toBe(1);
    expect(watchers.size).toBe(0);
  });

  it('looks only when there are news, until the job has ended', async () => {
    const first = nextRead();
    const waiting = wait();
    await first;
    status = 'running';
    const second = nextRead();
    tell();
    await second;
    status = 'succeeded';
    tell();
    expect(await waiting).toEqual({ status: 'succeeded' });
    expect(reads).toBe(3);
    expect(watchers.size).toBe(0);
  });

  it('misses no news that come while it looks', async () => {
    const looked = nextRead();
    let answer: () => void = () => undefined;
    beforeAnswer = () => new Promise((resolve) => (answer = resolve));
    const waiting = wait();
    await looked;
    // Its look was too early to see this.
    status = 'succeeded';
    tell();
    beforeAnswer = () => Promise.resolve();
    answer();
    expect(await waiting).toEqual({ status: 'succeeded' });
    expect(reads).toBe(2);
  });

  it('takes many news that come at once for one', async () => {
    const first = nextRead();
    const waiting = wait();
    await first;
    tell();
    tell();
    status = 'succeeded';
    tell();
    await waiting;
    expect(reads).toBe(2);
  });

  it('looks once more when its time is over, as news may have been lost', async () => {
    const first = nextRead();
    const waiting = wait(5);
    await first;
    status = 'succeeded';
    expect(await waiting).toEqual({ status: 'succeeded' });
  });

  it('gives the job as it stands when its time is over', async () => {
    expect(await wait(5)).toEqual({ status: 'queued' });
    expect(reads).toBe(2);
    expect(await wait(0)).toEqual({ status: 'queued' });
    expect(reads).toBe(3);
    expect(watchers.size).toBe(0);
  });

  it('reads nothing more once the client has hung up', async () => {
    const hangUp = new AbortController();
    const first = nextRead();
    const waiting = wait(LONG_MS, hangUp.signal);
    await first;
    hangUp.abort();
    expect(watchers.size).toBe(0);
    expect(await waiting).toBeUndefined();
    expect(await wait(LONG_MS, hangUp.signal)).toBeUndefined();
    expect(reads).toBe(1);
  });

  it('lets everybody go when the process is to stop, and holds nobody from then on', async () => {
    const all = Array.from({ length: 3 }, () => wait());
    watches.onModuleDestroy();
    for (const one of all) expect(await one).toEqual({ status: 'queued' });
    expect(watches.isStopping).toBe(true);
    expect(await wait()).toEqual({ status: 'queued' });
    expect(watchers.size).toBe(0);
  });

  it('leaves nothing behind where there is no such job', async () => {
    beforeAnswer = () => Promise.reject(new ProblemError('job-gone', 'over'));
    await expect(wait()).rejects.toMatchObject({ code: 'job-gone' });
    expect(watchers.size).toBe(0);
  });
});

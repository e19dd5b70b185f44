import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HandBack, Payloads, type TakenJob } from '#libs/jobs';
import { messageOf } from '#libs/testing';
import { ApartInputs } from './apart.inputs.js';

const MIB = 1024 * 1024;

interface Call {
  id: string;
  answer: (text: string | null) => void;
  fail: (error: Error) => void;
}

describe('ApartInputs', () => {
  let fetched: Call[];
  let sut: ApartInputs;

  beforeEach(() => {
    Logger.overrideLogger(false);
    fetched = [];
    const store = {
      put: () => Promise.resolve(),
      get: ({ id }: { id: string }) =>
        new Promise<string | null>((answer, fail) => fetched.push({ id, answer, fail })),
      delete: () => Promise.resolve(),
    };
    sut = new ApartInputs(new Payloads(store, 1));
  });

  const taken = (id: string, bytes = MIB): TakenJob => ({
    message: messageOf(id, { bytes, inputApart: true }),
    takenAt: 1,
    suspect: false,
  });
  const ids = () => fetched.map(({ id }) => id);
  /** All that can go on without further answers has. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  /** Jobs that are served until `end`. */
  function bring(id: string, bytes?: number) {
    let end: () => void = () => undefined;
    const served: TakenJob[] = [];
    const done = sut.bring(taken(id, bytes), (brought) => {
      served.push(brought);
      return new Promise((resolve) => (end = resolve));
    });
    done.catch(() => undefined);
    return { done, served, end: () => end() };
  }

  it('serves a job with its input, whichever comes first', async () => {
    const jobs = ['a', 'b'].map((id) => bring(id));
    await settle();
    expect(ids()).toEqual(['a', 'b']);
    fetched[1]?.answer('text of b');
    await settle();
    expect(jobs.map(({ served }) => served.length)).toEqual([0, 1]);
    expect(jobs[1]?.served[0]?.message).toMatchObject({ id: 'b', input: 'text of b' });
  });

  it('serves one without its input where that has gone', async () => {
    const { served } = bring('a');
    await settle();
    fetched[0]?.answer(null);
    await settle();
    expect(served).toEqual([taken('a')]);
  });

  it('hands a job back while the store is away, and frees its room', async () => {
    const lost = bring('a', 200 * MIB);
    const next = bring('b', 200 * MIB);
    await settle();
    fetched[0]?.fail(new Error('away'));
    await expect(lost.done).rejects.toMatchObject({ name: 'HandBack', delayMs: 2000 });
    await settle();
    expect(ids()).toEqual(['a', 'b']);
    expect(next.served).toEqual([]);
  });

  it('holds no more than there is room for, until jobs have ended, in order', async () => {
    const first = bring('a', 200 * MIB);
    bring('b', 100 * MIB);
    bring('c', 1);
    await settle();
    expect(ids()).toEqual(['a']);
    fetched[0]?.answer('x');
    await settle();
    expect(ids()).toEqual(['a']);
    first.end();
    await settle();
    expect(ids()).toEqual(['a', 'b', 'c']);
  });

  it('lets one that is larger than all room have it alone', async () => {
    const huge = bring('a', 1000 * MIB);
    bring('b');
    await settle();
    expect(ids()).toEqual(['a']);
    fetched[0]?.answer('x');
    await settle();
    huge.end();
    await settle();
    expect(ids()).toEqual(['a', 'b']);
  });

  it('hands back what waits when the worker is to stop', async () => {
    bring('a', 256 * MIB);
    const waiting = ['b', 'c'].map((id) => bring(id, 256 * MIB).done);
    await settle();
    sut.stop();
    for (const done of waiting) await expect(done).rejects.toBeInstanceOf(HandBack);
    expect(ids()).toEqual(['a']);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { FetchRoom } from './fetch.room.js';

describe('FetchRoom', () => {
  let entered: string[];
  let sut: FetchRoom;
  const stops = new Map<object, AbortController>();

  beforeEach(() => {
    entered = [];
    sut = new FetchRoom({ atOnce: 4, perOrigin: 2, bytes: 100, fileBytes: 20 });
  });

  /** A job that fetches. */
  function open(): object {
    const job = {};
    const stop = new AbortController();
    stops.set(job, stop);
    sut.open(job, stop.signal);
    return job;
  }

  /** A file that wants in. @returns what ends it. */
  function enter(job: object, name: string, origin = name): (keptBytes: number) => void {
    let leave: (keptBytes: number) => void = () => undefined;
    void sut.enter(job, origin).then((done) => {
      entered.push(name);
      leave = done;
    });
    return (keptBytes) => {
      leave(keptBytes);
    };
  }

  /** All that can go on has. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('lets in so many at once, the first first', async () => {
    const job = open();
    const [leave] = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => enter(job, name));
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd']);
    leave?.(0);
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('lets none wait behind an origin that has all its places', async () => {
    const job = open();
    const slow = ['a', 'b', 'c'].map((name) => enter(job, name, 'slow'));
    enter(job, 'd');
    await settle();
    expect(entered).toEqual(['a', 'b', 'd']);
    slow[0]?.(0);
    await settle();
    expect(entered).toEqual(['a', 'b', 'd', 'c']);
  });

  it('keeps within its memory until jobs are over', async () => {
    open();
    const job = open();
    const leaves = ['a', 'b', 'c', 'd'].map((name) => enter(job, name));
    await settle();
    for (const leave of leaves) leave(20);
    enter(job, 'e');
    enter(job, 'f');
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd', 'e']);
    sut.free(20);
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('keeps no more of a file than it has', async () => {
    open();
    const job = open();
    const leaves = ['a', 'b', 'c', 'd'].map((name) => enter(job, name));
    await settle();
    for (const leave of leaves) leave(5);
    for (const name of ['e', 'f', 'g', 'h']) enter(job, name);
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  });

  it('always has room for the oldest job, whatever the others hold', async () => {
    const [oldest, second, third] = [open(), open(), open()];
    for (const leave of [enter(second, 'a'), enter(third, 'b'), enter(third, 'c')]) {
      await settle();
      leave(33);
    }
    enter(second, 'd');
    enter(oldest, 'e');
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'e']);
    sut.close(oldest);
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'e', 'd']);
  });

  it('lets in at once what fails at once, as its job is over', async () => {
    const [job, other] = [open(), open()];
    for (const name of ['a', 'b', 'c', 'd']) enter(job, name);
    enter(other, 'e');
    await settle();
    stops.get(other)?.abort();
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { BatchJob } from './batch.js';
import { CostModel } from './cost-model.js';
import { Lane } from './lane.js';

interface Job extends BatchJob {
  id: string;
}

function setUp() {
  const sut = new Lane<Job>('', new CostModel([]));
  const add = (id: string, count = 1, options: Partial<BatchJob> = {}): Job => {
    const job = {
      id,
      count,
      bytes: count,
      priority: 'normal',
      turn: 1,
      createdAt: 0,
      takenAt: Date.now(),
      solo: false,
      ...options,
    };
    sut.add({ job: job as Job, from: 0, to: count });
    return job as Job;
  };
  const take = (maxRows: number, maxBytes = Infinity): string[] =>
    sut
      .take(maxRows, maxBytes)
      .map(({ job, from, to }) => `${job.id}[${String(from)},${String(to)})`);
  return { sut, add, take };
}

describe('Lane', () => {
  it('gives the lowest turn first, and of one turn the one that came first', () => {
    const { add, take } = setUp();
    add('later', 1, { turn: 3 });
    for (const id of ['a', 'b']) add(id, 1, { turn: 2 });
    add('first', 1, { turn: 1 });
    add('c', 1, { turn: 2 });
    expect(take(2)).toEqual(['first[0,1)', 'a[0,1)']);
    expect(take(3)).toEqual(['b[0,1)', 'c[0,1)', 'later[0,1)']);
  });

  it('cuts a job that is larger than a batch, in order', () => {
    const { add, take } = setUp();
    add('big', 10);
    expect([take(4), take(4), take(4)].flat()).toEqual(['big[0,4)', 'big[4,8)', 'big[8,10)']);
  });

  it('gives small jobs a place in the very next batch of a large one', () => {
    const { add, take } = setUp();
    add('big', 1000);
    add('small');
    expect(take(64)).toEqual(['big[0,63)', 'small[0,1)']);
  });

  it('gives small jobs a place in the very next batch of many large ones', () => {
    const { add, take } = setUp();
    for (let i = 0; i < 6; i++) add(`big${String(i)}`, 1000);
    add('small', 16);
    add('other', 16);
    expect(take(64)).toEqual(['big0[0,48)', 'small[0,16)']);
    expect(take(64)).toEqual(['big0[48,96)', 'other[0,16)']);
  });

  it('goes on with a large job of a lower turn rather than begin another', () => {
    const { add, take } = setUp();
    for (let i = 0; i < 3; i++) add(`big${String(i)}`, 100, { turn: i });
    expect(take(64)).toEqual(['big0[0,64)']);
    expect(take(64)).toEqual(['big0[64,100)', 'big1[0,28)']);
  });

  it('lets small jobs in now and then where a batch is too small to be shared', () => {
    const { add, take } = setUp();
    add('big', 100);
    add('a');
    add('b');
    const order = Array.from({ length: 10 }, () => take(1)[0]?.split('[')[0]);
    const big = (count: number) => Array<string>(count).fill('big');
    expect(order).toEqual(['a', ...big(3), 'b', ...big(5)]);
  });

  it('keeps a large job going while small ones come without end', () => {
    const { add, take } = setUp();
    add('big', 64);
    let batches = 0;
    for (let done = false; !done; batches++) {
      for (let i = 0; i < 16; i++) add('small');
      done = take(16).some((slice) => slice.endsWith(',64)'));
    }
    expect(batches).toBe(6);
  });

  it('shares a batch among jobs of one priority only', () => {
    const { add, take } = setUp();
    add('other', 4, { turn: 5 });
    add('low', 1, { priority: 'low', turn: 130 });
    add('big', 20, { priority: 'high', turn: 4 });
    add('small', 1, { priority: 'high', turn: 4 });
    expect(take(16)).toEqual(['big[0,15)', 'small[0,1)']);
    expect(take(16)).toEqual(['big[15,20)', 'other[0,4)', 'low[0,1)']);
  });

  it('lets nothing overtake a job any more that it has held for half a minute', () => {
    const { sut, add, take } = setUp();
    add('held', 1, { turn: 1_000_000, takenAt: Date.now() - 31_000 });
    add('overtaken', 1, { turn: 5 });
    add('new', 1, { turn: 4 });
    expect(sut.rank).toBeLessThan(0);
    expect(take(3)).toEqual(['held[0,1)', 'new[0,1)', 'overtaken[0,1)']);
  });

  it('keeps within the bytes of a batch, except for a row that is larger by itself', () => {
    const { add, take } = setUp();
    add('huge', 1, { bytes: 100 });
    add('a', 1, { bytes: 6 });
    add('b', 1, { bytes: 6 });
    expect([take(8, 10), take(8, 10), take(8, 10)]).toEqual([
      ['huge[0,1)'],
      ['a[0,1)'],
      ['b[0,1)'],
    ]);
  });

  it('counts what waits', () => {
    const { sut, add, take } = setUp();
    add('a', 10);
    const b = add('b', 5, { startBy: 7 });
    expect([sut.rows, sut.bytes, sut.startBy]).toEqual([15, 15, 7]);
    take(8);
    expect(sut.rows).toBe(7);
    sut.remove(b);
    expect(sut.startBy).toBe(Infinity);
    sut.clear();
    expect([sut.rows, sut.bytes]).toEqual([0, 0]);
  });

  it('gives first what was put back', () => {
    const { sut, add, take } = setUp();
    add('a');
    add('b');
    const [slice] = sut.take(1, Infinity);
    add('c', 1, { turn: 0 });
    if (slice) sut.putBack(slice);
    expect(take(3)).toEqual(['c[0,1)', 'a[0,1)', 'b[0,1)']);
  });
});

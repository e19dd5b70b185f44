import { describe, expect, it } from '@jest/globals';
import type { Priority } from '#libs/contracts';
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
      createdAt: 0,
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
  it('gives the oldest first', () => {
    const { add, take } = setUp();
    for (const id of ['a', 'b', 'c']) add(id);
    expect(take(2)).toEqual(['a[0,1)', 'b[0,1)']);
    expect(take(2)).toEqual(['c[0,1)']);
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

  it('lets several large jobs hold up a small one for no more than a batch', () => {
    const { add, take } = setUp();
    for (let i = 0; i < 6; i++) add(`big${String(i)}`, 1000);
    add('small');
    take(64);
    expect(take(64).join()).toContain('small');
  });

  it('keeps a large job going while small ones come without end', () => {
    const { add, take } = setUp();
    add('big', 64);
    let batches = 0;
    for (let rows = 0; rows < 64; batches++) {
      for (let i = 0; i < 12; i++) add('small');
      rows += take(16).filter((slice) => slice.startsWith('big')).length > 0 ? 4 : 0;
      if (batches > 200) throw new Error('starved');
    }
  });

  it('prefers high over normal over low', () => {
    const { add, take } = setUp();
    for (const priority of ['low', 'normal', 'high'] satisfies Priority[]) {
      add(priority, 1, { priority });
    }
    expect(take(3)).toEqual(['high[0,1)', 'normal[0,1)', 'low[0,1)']);
  });

  it('shares a batch among jobs of one priority only', () => {
    const { add, take } = setUp();
    add('low', 1, { priority: 'low' });
    add('other', 4);
    add('big', 20, { priority: 'high' });
    add('small', 1, { priority: 'high' });
    expect(take(16)).toEqual(['big[0,15)', 'small[0,1)']);
    expect(take(16)).toEqual(['big[15,20)', 'other[0,4)', 'low[0,1)']);
  });

  it('lets a low job that has waited for a minute go before newer ones of any priority', () => {
    const { add, take } = setUp();
    add('high', 1, { priority: 'high', createdAt: 61_000 });
    add('normal', 1, { createdAt: 31_000 });
    add('low', 1, { priority: 'low', createdAt: 0 });
    expect(take(1)).toEqual(['low[0,1)']);
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
    if (slice) sut.putBack(slice);
    expect(take(2)).toEqual(['a[0,1)', 'b[0,1)']);
  });
});

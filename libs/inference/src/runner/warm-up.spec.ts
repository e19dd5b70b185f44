import { describe, expect, it } from '@jest/globals';
import { warmUp, type WarmUpOptions } from './warm-up.js';

/**
 * A graph of so many milliseconds a row. The first run of each size takes ten times as long, and the
 * second one twice where it is short, as a disturbed one does.
 */
function warm(msPerRow: number, options: Partial<WarmUpOptions> = {}) {
  const seen = new Map<number, number>();
  return warmUp({
    maxRows: 64,
    batchSizes: [1],
    mayFail: () => false,
    run: (rows) => {
      const times = (seen.get(rows) ?? 0) + 1;
      seen.set(rows, times);
      const disturbed = times === 1 ? 10 : times === 2 && rows * msPerRow < 5 ? 2 : 1;
      return Promise.resolve(rows * msPerRow * disturbed);
    },
    ...options,
  });
}

describe('warmUp', () => {
  it('gives undisturbed runs of one row, two, what is asked for, and the cap', async () => {
    expect(await warm(1, { batchSizes: [8, 1, 100] })).toEqual([
      { rows: 1, ms: 1 },
      { rows: 2, ms: 2 },
      { rows: 8, ms: 8 },
      { rows: 64, ms: 64 },
    ]);
  });

  it('stops short of a cap that would take long, but not of a size that is asked for', async () => {
    expect((await warm(50)).at(-1)).toEqual({ rows: 10, ms: 500 });
    expect((await warm(1000)).at(-1)).toEqual({ rows: 2, ms: 2000 });
    expect((await warm(50, { batchSizes: [64] })).at(-1)).toEqual({ rows: 64, ms: 3200 });
  });

  it('of a graph that runs singly is one size', async () => {
    expect(await warm(1, { maxRows: 1, batchSizes: [1, 8] })).toEqual([{ rows: 1, ms: 1 }]);
  });

  it('passes over sizes that may fail, and fails with others', async () => {
    const run = (rows: number) =>
      rows > 2 ? Promise.reject(new Error('too many')) : Promise.resolve(1);
    expect(await warm(1, { run, mayFail: () => true })).toHaveLength(2);
    await expect(warm(1, { run })).rejects.toThrow('too many');
  });
});

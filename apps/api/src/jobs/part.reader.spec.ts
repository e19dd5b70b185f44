import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartReader } from './part.reader.js';

/** Parts as Redis holds them, and the reads that were made of them. */
class Parts {
  list: { done: number; outputs: string }[] = [];
  reads = 0;

  /** Takes the place of what was there: each part up to one of these. */
  set(ends: readonly number[]): void {
    this.list = ends.map((done, i) => {
      const from = ends[i - 1] ?? 0;
      return {
        done,
        outputs: JSON.stringify(Array.from({ length: done - from }, (_, k) => from + k)),
      };
    });
  }

  get computed(): number {
    return this.list.at(-1)?.done ?? 0;
  }

  parts(_id: string, index: number, count: number) {
    this.reads++;
    return Promise.resolve(this.list.slice(index, index + count));
  }
}

describe('PartReader', () => {
  /** The outputs that a client gets that has the first `done`, and reads all there is. */
  async function read(sut: PartReader, done: number, computed: number): Promise<unknown[]> {
    const got: unknown[] = [];
    for await (const { from, outputs } of sut.beyond(done, computed)) {
      expect(from).toBeLessThanOrEqual(done + got.length);
      got.push(...outputs.slice(done + got.length - from));
    }
    return got;
  }
  const upTo = (to: number, from = 0) => Array.from({ length: to - from }, (_, i) => from + i);

  it('reads what is new, a few at a time, and once', async () => {
    const parts = new Parts();
    const sut = new PartReader(parts, 'j');
    parts.set([1, 2, 3, 4, 5, 6]);
    expect(await read(sut, 0, 6)).toEqual(upTo(6));
    expect(parts.reads).toBe(2);
    parts.set([1, 2, 3, 4, 5, 6, 9]);
    expect(await read(sut, 6, 9)).toEqual([6, 7, 8]);
    expect(parts.reads).toBe(3);
    expect(await read(sut, 9, 9)).toEqual([]);
    expect(parts.reads).toBe(3);
  });

  it('reads no further than it is asked to', async () => {
    const parts = new Parts();
    parts.set(upTo(101).slice(1));
    for await (const part of new PartReader(parts, 'j').beyond(0, 100)) {
      if (part.from === 2) break;
    }
    expect(parts.reads).toBe(1);
  });

  it('finds its place for a client that comes again', async () => {
    const parts = new Parts();
    parts.set([2, 4, 6, 8, 10, 12]);
    expect(await read(new PartReader(parts, 'j'), 9, 12)).toEqual([9, 10, 11]);
  });

  it('goes on beyond what a client has where the parts begin anew', async () => {
    const parts = new Parts();
    const sut = new PartReader(parts, 'j');
    parts.set([10, 20]);
    expect(await read(sut, 0, 20)).toHaveLength(20);
    for (const [ends, from, to] of [
      [[5], 20, 20],
      [[5, 15, 30], 20, 30],
      [[50], 30, 50],
    ] as const) {
      parts.set(ends);
      expect(await read(sut, from, parts.computed)).toEqual(upTo(to, from));
    }
  });

  it('does not wait for parts that are gone by now', async () => {
    const parts = new Parts();
    const sut = new PartReader(parts, 'j');
    expect(await read(sut, 0, 20)).toEqual([]);
    parts.set([10, 20]);
    expect(await read(sut, 0, 20)).toHaveLength(20);
    parts.set([5]);
    expect(await read(sut, 20, 40)).toEqual([]);
  });

  it('loses and repeats nothing, however often the parts begin anew', async () => {
    const ends = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(ends, fc.nat(3))), async (lives) => {
        const parts = new Parts();
        const sut = new PartReader(parts, 'j');
        const got: unknown[] = [];
        // Of some lives it sees every part come, of others only what there is in the end.
        for (const [life, step] of [...lives, [[60], 1] as const]) {
          const sorted = life.toSorted((a, b) => a - b);
          for (let left = step === 0 ? 0 : sorted.length; left >= 0; left -= step || 1) {
            parts.set(sorted.slice(0, sorted.length - left));
            got.push(...(await read(sut, got.length, parts.computed)));
            expect(got.length).toBeGreaterThanOrEqual(parts.computed);
          }
        }
        expect(got).toEqual(upTo(60));
      }),
    );
  });
});

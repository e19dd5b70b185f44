import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OrderedOutputs } from './ordered-outputs.js';

describe('OrderedOutputs', () => {
  it('puts parts in order, whichever came first', () => {
    const sut = new OrderedOutputs();
    sut.add(3, 4, '"d"');
    sut.add(0, 2, '"a","b"');
    sut.add(2, 3, '"c"');
    expect(sut.text).toBe('["a","b","c","d"]');
  });

  it('tells what follows without a gap, and nothing twice', () => {
    const sut = new OrderedOutputs();
    sut.add(2, 3, '2');
    expect(sut.next).toBeNull();
    sut.add(0, 2, '0,1');
    const first = sut.next;
    expect(first).toEqual({ done: 3, outputs: '[0,1,2]' });
    if (first) sut.wasTold(first);
    expect(sut.next).toBeNull();
    sut.add(3, 4, '3');
    expect(sut.next).toEqual({ done: 4, outputs: '[3]' });
  });

  it('tells the same part again until it was told', () => {
    const sut = new OrderedOutputs();
    sut.add(0, 1, '0');
    const first = sut.next;
    sut.add(1, 2, '1');
    expect(sut.next).toEqual(first);
    if (first) sut.wasTold(first);
    expect(sut.next).toEqual({ done: 2, outputs: '[1]' });
  });

  it('tells every instance once and in order, however parts come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        fc.infiniteStream(fc.boolean()),
        (sizes, picks, tells) => {
          const sut = new OrderedOutputs();
          let from = 0;
          const open = sizes.map((size) => [from, (from += size)] as const);
          const told: number[] = [];
          const tell = () => {
            const { next } = sut;
            if (!next) return;
            told.push(...(JSON.parse(next.outputs) as number[]));
            expect(told).toHaveLength(next.done);
            sut.wasTold(next);
          };
          while (open.length > 0) {
            const [[start, end] = [0, 0]] = open.splice(
              Number(picks.next().value) % open.length,
              1,
            );
            const rows = Array.from({ length: end - start }, (_, i) => start + i);
            sut.add(start, end, rows.join(','));
            if (tells.next().value === true) tell();
          }
          tell();
          expect(told).toEqual(Array.from({ length: from }, (_, i) => i));
          expect(JSON.parse(sut.text)).toEqual(told);
        },
      ),
    );
  });
});

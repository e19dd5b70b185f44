import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { binOf, linearEdges, quantileEdges, SIGNED_LOG_EDGES } from './bins.js';

const number = fc.double({ min: -1e9, max: 1e9, noNaN: true });

function countsOf(edges: readonly number[], values: readonly number[]): number[] {
  const counts = Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[binOf(edges, value)] = (counts[binOf(edges, value)] ?? 0) + 1;
  return counts;
}

describe('bins', () => {
  it('hold what is above their lower edge and not above their upper one', () => {
    fc.assert(
      fc.property(fc.uniqueArray(number, { minLength: 1 }), number, (values, value) => {
        const edges = values.toSorted((a, b) => a - b);
        const bin = binOf(edges, value);
        expect(value).toBeGreaterThan(edges[bin - 1] ?? -Infinity);
        expect(value).toBeLessThanOrEqual(edges[bin] ?? Infinity);
      }),
    );
  });

  it('ascend, whatever values they are made of', () => {
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 1 }),
        fc.integer({ min: 2, max: 20 }),
        (v, bins) => {
          const edges = quantileEdges(v, bins);
          expect(edges.length).toBeGreaterThan(0);
          edges.forEach((edge, i) => {
            expect(edge).toBeGreaterThan(edges[i - 1] ?? -Infinity);
          });
        },
      ),
    );
  });

  it('of values that nothing lies between ascend', () => {
    const edges = quantileEdges([1e9, 1e9 + 2 ** -23], 10);
    expect(new Set(edges).size).toBe(edges.length);
  });

  it('of quantiles hold about as many values each', () => {
    const values = Array.from({ length: 1000 }, (_, i) => Math.exp(i / 100));
    expect(countsOf(quantileEdges(values, 10), values)).toEqual(Array(10).fill(100));
  });

  it('of few different values hold one value each, and what lies beyond in bins of its own', () => {
    const edges = quantileEdges([1, 2, 2, 2, 7], 10);
    expect(countsOf(edges, [1, 2, 7])).toEqual([0, 1, 1, 1, 0]);
    expect(countsOf(edges, [0, 8])).toEqual([1, 0, 0, 0, 1]);
    expect(countsOf(quantileEdges([5, 5], 10), [4, 5, 6])).toEqual([1, 1, 1]);
  });

  it('of a range have both ends of it inside, and two for what lies outside', () => {
    const edges = linearEdges(0, 10, 5);
    expect(countsOf(edges, [-1, 0, 2, 5, 10, 11])).toEqual([1, 2, 0, 1, 0, 1, 1]);
    expect(countsOf(linearEdges(3, 3, 5), [2, 3, 4])).toEqual([1, 1, 1]);
  });

  it('of any number tell magnitudes and signs apart', () => {
    const found = [-1000, -3, -0.01, 0, 0.01, 3, 1000, 1e12].map((v) => binOf(SIGNED_LOG_EDGES, v));
    expect(new Set(found).size).toBe(found.length);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });
});

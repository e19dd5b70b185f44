import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compare } from './compare.js';

const histograms = fc.integer({ min: 1, max: 30 }).chain((bins) => {
  const counts = fc.array(fc.nat(1000), { minLength: bins, maxLength: bins });
  return fc.tuple(counts, counts, fc.boolean());
});

describe('compare', () => {
  it('finds no shift in the same shares, whatever the totals', () => {
    fc.assert(
      fc.property(histograms, fc.integer({ min: 1, max: 9 }), ([counts, , ordered], times) => {
        const found = compare(
          counts,
          counts.map((count) => times * count),
          ordered,
        );
        expect(found.psi).toBeLessThan(0.02);
        expect(found.ks ?? 0).toBeLessThan(1e-9);
        expect(found.pValue).toBeGreaterThan(0.99);
      }),
    );
  });

  it('gives finite figures in their ranges, the same either way round', () => {
    fc.assert(
      fc.property(histograms, ([a, b, ordered]) => {
        const found = compare(a, b, ordered);
        const back = compare(b, a, ordered);
        expect(found.psi).toBeGreaterThanOrEqual(0);
        expect(found.psi).toBeLessThan(20);
        expect(found.pValue).toBeGreaterThanOrEqual(0);
        expect(found.pValue).toBeLessThanOrEqual(1);
        expect(back.psi).toBeCloseTo(found.psi, 9);
        expect(back.ks ?? 0).toBeCloseTo(found.ks ?? 0, 9);
      }),
    );
  });

  it('gives the index of the textbook for large samples', () => {
    // (0.6 − 0.5) ln(0.6 / 0.5) + (0.4 − 0.5) ln(0.4 / 0.5)
    expect(compare([600_000, 400_000], [500_000, 500_000], false).psi).toBeCloseTo(0.0405, 3);
  });

  it('sees what has left the only bin that there was', () => {
    const found = compare([0, 0, 500], [0, 150, 0], true);
    expect(found.psi).toBeGreaterThan(1);
    expect(found.ks).toBe(1);
    expect(found.pValue).toBeLessThan(1e-20);
  });

  it.each([
    ['a bin beyond', [0, 0, 0, 0, 0, 1]],
    ['its highest bin', [0, 0, 0, 0, 1, 0]],
    ['another one', [1, 0, 0, 0, 0, 0]],
  ])('sees a shift of all to %s, however few rows it is compared with', (_, shares) => {
    const reference = [30, 30, 30, 30, 30, 0];
    for (const rows of [500, 10_000, 1_000_000]) {
      const found = compare(
        shares.map((share) => share * rows),
        reference,
        true,
      );
      expect(found.psi).toBeGreaterThan(1);
      expect(found.pValue).toBeLessThan(1e-20);
    }
  });

  it('takes rare names together, so that they raise nothing each by itself', () => {
    const rare = (seed: number) =>
      Array.from({ length: 200 }, (_, i) => ((i * seed) % 7 === 0 ? 1 : 0));
    const found = compare([500, ...rare(3)], [500, ...rare(5)], false);
    expect(found.psi).toBeLessThan(0.01);
  });

  it('knows how much its index varies by chance', () => {
    // Noncentral chi-squared: 2 (bins − 1) + 4 × 0.0405 / (1/n + 1/m), in units of 1/n + 1/m.
    const { deviationAt } = compare([600, 400], [500, 500], false);
    expect(deviationAt(0)).toBeCloseTo(0.00283, 5);
    expect(deviationAt(0.0405)).toBeCloseTo(0.01822, 5);
  });

  it('says nothing of nothing', () => {
    expect(compare([0, 0], [1, 2], true)).toMatchObject({ psi: 0, ks: 0, pValue: 1 });
    expect(compare([], [], false)).toMatchObject({ psi: 0, ks: null, pValue: 1 });
  });
});

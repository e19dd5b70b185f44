import { describe, expect, it } from '@jest/globals';
import { chiSquaredTail, kolmogorovTail } from './tails.js';

describe('chiSquaredTail', () => {
  // As scipy.stats.chi2.sf gives them.
  it.each([
    [3.841458820694124, 1, 0.05],
    [5.991464547107979, 2, 0.05],
    [27.877164871256568, 9, 0.001],
    [33.719948438624, 9, 0.0001],
    [10, 10, 0.44049328506521257],
    [43.82019596448754, 19, 0.001],
    [100, 3, 1.554159431389603e-21],
  ])('of %p with %p degrees of freedom is %p', (x, degrees, p) => {
    expect(chiSquaredTail(x, degrees) / p).toBeCloseTo(1, 4);
  });

  it('is 1 where nothing can differ, and 0 beyond all numbers', () => {
    expect(chiSquaredTail(0, 0)).toBe(1);
    expect(chiSquaredTail(5000, 4)).toBe(0);
  });
});

describe('kolmogorovTail', () => {
  // 1.3581 and 1.9495 are the critical values of the 5 % and 0.1 % levels, for large samples.
  it.each([
    [1.3581, 0.05],
    [1.9495, 0.001],
  ])('of %p at large samples is %p', (lambda, p) => {
    const n = 1e8;
    expect(kolmogorovTail(lambda / Math.sqrt(n / 2), n, n) / p).toBeCloseTo(1, 2);
  });

  it('is 1 for no distance, and 0 for the largest', () => {
    expect(kolmogorovTail(0, 100, 100)).toBe(1);
    expect(kolmogorovTail(1, 500, 500)).toBeLessThan(1e-100);
  });
});

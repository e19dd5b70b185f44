import { describe, expect, it } from '@jest/globals';
import type { Counts } from '#libs/contracts';
import { logBin, logBinEdges, logBinQuantile } from './log-bins.js';

function histogram(values: number[]): Counts {
  const counts: Counts = {};
  for (const value of values) counts[logBin(value)] = (counts[logBin(value)] ?? 0) + 1;
  return counts;
}

describe('logarithmic bins', () => {
  it.each([0.001, 0.5, 1, 1.0001, 7, 1e6])('hold %p between their edges', (value) => {
    const [from, to] = logBinEdges(logBin(value));
    expect(value).toBeGreaterThan(from * (1 - 1e-12));
    expect(value).toBeLessThanOrEqual(to * (1 + 1e-12));
  });

  it('take what is zero or less for the smallest', () => {
    expect(logBin(0)).toBe(logBin(0.001));
    expect(logBin(-5)).toBe(logBin(0.001));
  });

  it.each([0, 0.01, 0.5, 0.95, 0.99, 1])('give the quantile %p to 9 %%', (q) => {
    const values = Array.from({ length: 1000 }, (_, i) => 0.1 * (i + 1));
    const exact = values[Math.max(0, Math.ceil(q * 1000) - 1)] ?? 0;
    const found = logBinQuantile(histogram(values), q) ?? 0;
    expect(found).toBeGreaterThanOrEqual(exact * 0.999);
    expect(found).toBeLessThanOrEqual(exact * 1.1);
  });

  it('give no quantile of nothing', () => {
    expect(logBinQuantile({}, 0.5)).toBeNull();
  });
});

import { describe, expect, it } from '@jest/globals';
import { retryDelayMs } from './retry-delay.js';

describe('retryDelayMs', () => {
  it.each([
    [1, 0, 1000],
    [2, 0, 2000],
    [3, 0, 4000],
    [3, 0.5, 3000],
    [3, 1, 2000],
    [99, 0, 3_600_000],
  ])('after attempt %i, with %d of the jitter, is %i ms', (attempt, random, delayMs) => {
    expect(retryDelayMs(attempt, 1000, random)).toBe(delayMs);
  });

  it('differs from call to call', () => {
    expect(new Set(Array.from({ length: 20 }, () => retryDelayMs(8, 1000))).size).toBeGreaterThan(
      1,
    );
  });
});

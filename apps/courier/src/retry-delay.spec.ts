import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryDelayMs } from './retry-delay.js';

const HOUR_MS = 3_600_000;
const FIRST_MS = 5000;

/** All delays of a delivery that nobody takes. */
function delaysOf(random: () => number): number[] {
  const delays: number[] = [];
  for (let tried = 1; ; tried++) {
    const delay = retryDelayMs(tried, FIRST_MS, null, random);
    if (delay === null) return delays;
    delays.push(delay);
  }
}

describe('retryDelayMs', () => {
  it('makes at least 8 attempts over at least 72 h, and no more than a week, whatever chance does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20 }),
        (chances) => {
          let i = 0;
          const delays = delaysOf(() => chances[i++ % chances.length] ?? 0);
          const total = delays.reduce((sum, delay) => sum + delay, 0);
          expect(delays.length + 1).toBeGreaterThanOrEqual(8);
          expect(total).toBeGreaterThanOrEqual(72 * HOUR_MS);
          expect(total).toBeLessThanOrEqual(7.7 * 24 * HOUR_MS);
          for (const [n, delay] of delays.entries()) {
            expect(delay).toBeGreaterThanOrEqual(0.7 * FIRST_MS * 2 ** n);
            expect(delay).toBeLessThanOrEqual(FIRST_MS * 2 ** n);
          }
        },
      ),
    );
  });

  it('differs from delivery to delivery', () => {
    const delays = Array.from({ length: 50 }, () => retryDelayMs(5, FIRST_MS, null));
    expect(new Set(delays).size).toBeGreaterThan(40);
  });

  it('waits as long as the receiver asks, and no shorter than it would anyway', () => {
    expect(retryDelayMs(1, FIRST_MS, 60_000, () => 0)).toBe(60_000);
    expect(retryDelayMs(1, FIRST_MS, 1000, () => 0)).toBe(5000);
    expect(retryDelayMs(18, FIRST_MS, 60_000)).toBeNull();
  });
});

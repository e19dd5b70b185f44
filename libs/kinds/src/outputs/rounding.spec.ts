import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { round } from './rounding.js';

const decimals = fc.integer({ min: 0, max: 15 });

describe('round', () => {
  it('gives what the decimal writing gives', () => {
    const values = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.float({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(values, decimals, (value, places) => {
        expect(String(round(value, places))).toBe(String(Number(value.toFixed(places))));
      }),
      { numRuns: 5000 },
    );
  });

  it('gives it next to halves, too', () => {
    const halves = fc.tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: -3, max: 3 }));
    fc.assert(
      fc.property(halves, decimals, ([whole, ulps], places) => {
        const half = (whole + 0.5) / 10 ** places;
        const value = half * (1 + ulps * Number.EPSILON);
        expect(String(round(value, places))).toBe(String(Number(value.toFixed(places))));
      }),
      { numRuns: 5000 },
    );
  });
});

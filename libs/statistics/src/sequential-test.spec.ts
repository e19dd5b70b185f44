import { describe, expect, it } from '@jest/globals';
import { evidenceAbove } from './sequential-test.js';

const AGAINST = 1000;

/** The same numbers each time, so that this spec never fails by chance (Mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @returns how many trials it took until the evidence was strong, looking after each; null where it never was. */
function trialsUntilStrong(random: () => number, share: number, limit: number, most: number) {
  let hits = 0;
  for (let trials = 1; trials <= most; trials++) {
    if (random() < share) hits++;
    if (evidenceAbove(hits, trials, limit) >= AGAINST) return trials;
  }
  return null;
}

describe('evidenceAbove', () => {
  it('has no evidence in nothing', () => {
    expect(evidenceAbove(0, 0, 0.1)).toBeCloseTo(1);
  });

  it('takes a single hit where none is allowed', () => {
    expect(evidenceAbove(0, 1e6, 0)).toBe(1);
    expect(evidenceAbove(1, 1e6, 0)).toBe(Infinity);
  });

  it('never speaks against a limit of all', () => {
    expect(evidenceAbove(50, 50, 1)).toBeLessThanOrEqual(1);
  });

  it.each([0.001, 0.01, 0.05, 0.5])(
    'is next to never strong at a share of just its limit of %p, however often one looks',
    (limit) => {
      const random = generator(1);
      const runs = Array.from({ length: 200 }, () => trialsUntilStrong(random, limit, limit, 1000));
      expect(runs.filter((found) => found !== null).length).toBeLessThanOrEqual(1);
    },
  );

  it.each([
    [1, 0.05, 5],
    [0.5, 0.05, 40],
    [0.2, 0.05, 200],
    [0.1, 0.05, 1500],
    [0.02, 0.001, 1200],
  ])('a share of %p against a limit of %p shows within %i trials', (share, limit, most) => {
    const random = generator(2);
    for (let run = 0; run < 20; run++) {
      expect(trialsUntilStrong(random, share, limit, most)).not.toBeNull();
    }
  });
});

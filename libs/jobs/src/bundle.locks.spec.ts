import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Job } from 'bullmq';
import type { Bundle } from './bundle.js';
import { BundleLocks } from './bundle.locks.js';

const DURATION_MS = 8000;
const bundle = (id: string) => ({ id }) as Job<Bundle>;

describe('BundleLocks', () => {
  const extendJobLocks = jest.fn<(...args: unknown[]) => Promise<string[]>>();
  let errors: string[];
  let sut: BundleLocks;

  beforeEach(() => {
    jest.useFakeTimers();
    extendJobLocks.mockReset().mockResolvedValue([]);
    errors = [];
    sut = new BundleLocks({ extendJobLocks }, DURATION_MS, ({ message }) => errors.push(message));
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('renews what is held, and nothing that is not', async () => {
    const a = bundle('a');
    sut.hold(a, 'A');
    sut.hold(bundle('b'), 'B');
    await jest.advanceTimersByTimeAsync(DURATION_MS / 4);
    expect(extendJobLocks.mock.calls).toEqual([[['a', 'b'], ['A', 'B'], DURATION_MS]]);
    expect(sut.release(a)).toBe(true);
    await jest.advanceTimersByTimeAsync(DURATION_MS / 4);
    expect(extendJobLocks.mock.calls[1]).toEqual([['b'], ['B'], DURATION_MS]);
  });

  it('goes on renewing while the clock of the machine is set back', async () => {
    sut.hold(bundle('a'));
    await jest.advanceTimersByTimeAsync(DURATION_MS);
    jest.setSystemTime(Date.now() - 60_000);
    await jest.advanceTimersByTimeAsync(DURATION_MS);
    expect(extendJobLocks).toHaveBeenCalledTimes(8);
  });

  it('tells once of all that were lost, and holds them no more', async () => {
    const [a, b, c] = [bundle('a'), bundle('b'), bundle('c')];
    for (const one of [a, b, c]) sut.hold(one);
    extendJobLocks.mockResolvedValueOnce(['a', 'c']);
    await jest.advanceTimersByTimeAsync(DURATION_MS / 4);
    expect(errors).toEqual(['held up for too long: 2 bundles were lost']);
    expect([a, b, c].map((one) => sut.holds(one))).toEqual([false, true, false]);
    expect(sut.release(a)).toBe(false);
  });

  it('tries again when Redis was away', async () => {
    const a = bundle('a');
    sut.hold(a);
    extendJobLocks.mockRejectedValueOnce(new Error('away'));
    await jest.advanceTimersByTimeAsync(DURATION_MS / 2);
    expect(errors).toEqual(['away']);
    expect(sut.holds(a)).toBe(true);
    expect(extendJobLocks).toHaveBeenCalledTimes(2);
  });
});

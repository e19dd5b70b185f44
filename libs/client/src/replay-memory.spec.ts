import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ReplayMemory } from './replay-memory.js';

describe('ReplayMemory', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('knows what it has seen, for as long as it is told', () => {
    const sut = new ReplayMemory();
    expect(sut.isNew('a', 600)).toBe(true);
    expect(sut.isNew('b', 600)).toBe(true);
    jest.advanceTimersByTime(599_000);
    expect(sut.isNew('a', 600)).toBe(false);
    // Having been asked again does not make it remember longer.
    jest.advanceTimersByTime(2000);
    expect(sut.isNew('a', 600)).toBe(true);
  });

  it('keeps no more than it may', () => {
    const sut = new ReplayMemory({ max: 2 });
    for (const key of ['a', 'b', 'c']) expect(sut.isNew(key, 600)).toBe(true);
    expect(['c', 'b', 'a'].map((key) => sut.isNew(key, 600))).toEqual([false, false, true]);
  });
});

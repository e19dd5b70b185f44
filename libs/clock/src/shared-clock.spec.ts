import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SharedClock } from './shared-clock.js';

const MINUTE_MS = 60_000;

describe('SharedClock', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** As if the answer had taken so long. */
  function hear(sut: SharedClock, toldMs: number, tookMs = 0): void {
    const heardMs = performance.now();
    sut.hear(toldMs, heardMs - tookMs, heardMs);
  }

  it('is the clock of the machine until it has heard another', () => {
    const sut = new SharedClock();
    expect(sut.now()).toBe(1_000_000);
    jest.advanceTimersByTime(5);
    expect(sut.now()).toBe(1_000_005);
  });

  it.each([MINUTE_MS, -MINUTE_MS])('goes by what it has heard, %d ms apart', (apartMs) => {
    const sut = new SharedClock();
    hear(sut, 1_000_000 + apartMs);
    expect(sut.now()).toBe(1_000_000 + apartMs);
    jest.advanceTimersByTime(7);
    expect(sut.now()).toBe(1_000_007 + apartMs);
  });

  it('does not follow the clock of the machine when that is set', () => {
    const sut = new SharedClock();
    hear(sut, 1_000_000);
    jest.setSystemTime(1_000_000 + MINUTE_MS);
    expect(sut.now()).toBe(1_000_000);
  });

  it('stays where it is as long as the answer allows for it', () => {
    const sut = new SharedClock();
    hear(sut, 1_000_000);
    hear(sut, 999_990, 20);
    expect(sut.now()).toBe(1_000_000);
  });

  it('moves no further than a late answer demands', () => {
    const sut = new SharedClock();
    hear(sut, 1_000_000);
    // Told somewhere between 100 ms ago and now: it is at least that time, and at most 100 ms later.
    hear(sut, 1_000_050, 100);
    expect(sut.now()).toBe(1_000_050);
    hear(sut, 999_900, 100);
    expect(sut.now()).toBe(1_000_000);
  });
});

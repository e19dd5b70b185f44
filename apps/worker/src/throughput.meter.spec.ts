import { describe, expect, it } from '@jest/globals';
import { ThroughputMeter } from './throughput.meter.js';

/** Ends `size` jobs at once, every `gapMs`, `times` over. @returns the time afterwards. */
function work(sut: ThroughputMeter, fromMs: number, gapMs: number, size: number, times: number) {
  let nowMs = fromMs;
  for (let i = 0; i < times; i++) {
    for (let k = 0; k < size; k++) sut.taken(nowMs);
    nowMs += gapMs;
    for (let k = 0; k < size; k++) sut.left(nowMs, true);
  }
  return nowMs;
}

describe('ThroughputMeter', () => {
  it('knows nothing before a job has ended', () => {
    const sut = new ThroughputMeter();
    expect(sut.perSecond(5)).toBeUndefined();
    sut.taken(10);
    expect(sut.perSecond(500)).toBeUndefined();
  });

  it.each([
    ['single jobs', 20, 1, 50],
    ['batches', 100, 64, 640],
    ['jobs slower than its window', 60_000, 1, 1 / 60],
  ])('tells the rate of %s', (_, gapMs, size, rate) => {
    const sut = new ThroughputMeter();
    const nowMs = work(sut, 0, gapMs, size, 30);
    expect(sut.perSecond(nowMs)).toBeCloseTo(rate, 6);
    // Nor does it waver between two ends.
    sut.taken(nowMs);
    expect(sut.perSecond(nowMs + gapMs / 2)).toBeCloseTo(rate, 6);
  });

  it('leaves out the time in which there was nothing to do', () => {
    const sut = new ThroughputMeter();
    const nowMs = work(sut, 0, 100, 1, 20);
    expect(sut.perSecond(nowMs + 3_600_000)).toBeCloseTo(10, 6);
    expect(sut.perSecond(work(sut, nowMs + 7_200_000, 100, 1, 1))).toBeCloseTo(10, 6);
  });

  it('goes over to a new rate within some windows, and most of the way within one', () => {
    const sut = new ThroughputMeter();
    let nowMs = work(sut, 0, 10, 1, 5000);
    nowMs = work(sut, nowMs, 100, 1, 100);
    expect(sut.perSecond(nowMs)).toBeLessThan(50);
    nowMs = work(sut, nowMs, 100, 1, 500);
    expect(sut.perSecond(nowMs)).toBeCloseTo(10, 0);
  });

  it('slows down while an end is overdue', () => {
    const sut = new ThroughputMeter();
    const nowMs = work(sut, 0, 1000, 1, 100);
    sut.taken(nowMs);
    const rate = sut.perSecond(nowMs + 60_000);
    expect(rate).toBeLessThan(0.2);
    expect(rate).toBeGreaterThan(0);
  });

  it('does not count what went back, or was never worked on, though its time passed', () => {
    const sut = new ThroughputMeter();
    const nowMs = work(sut, 0, 100, 1, 10);
    for (let i = 0; i < 1000; i++) sut.taken(nowMs);
    for (let i = 0; i < 1000; i++) sut.left(nowMs + 1, false);
    expect(sut.perSecond(nowMs + 1)).toBeCloseTo(10, 6);
  });
});

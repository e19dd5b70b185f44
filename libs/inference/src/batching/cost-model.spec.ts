import { describe, expect, it } from '@jest/globals';
import { CostModel } from './cost-model.js';

const line = (rows: number): number => 0.2 * rows + 3;

describe('CostModel', () => {
  it('knows nothing before it has seen a run', () => {
    const sut = new CostModel([]);
    expect(sut.predictMs(10)).toBe(0);
    expect(sut.overheadMs).toBe(0);
  });

  it('finds what a row and what a run costs', () => {
    const sut = new CostModel([1, 64].map((rows) => ({ rows, ms: line(rows) })));
    expect(sut.predictMs(32)).toBeCloseTo(line(32));
    expect(sut.overheadMs).toBeCloseTo(3);
  });

  it('follows a machine that has become slower', () => {
    const sut = new CostModel([1, 64].map((rows) => ({ rows, ms: line(rows) })));
    for (let i = 0; i < 1000; i++) sut.observe(1 + (i % 64), 2 * line(1 + (i % 64)));
    expect(sut.predictMs(64)).toBeGreaterThan(1.8 * line(64));
  });

  it('remembers what a row costs while all batches are equally large', () => {
    const sut = new CostModel([1, 64].map((rows) => ({ rows, ms: line(rows) })));
    for (let i = 0; i < 1000; i++) sut.observe(64, line(64));
    expect(sut.predictMs(1)).toBeCloseTo(line(1), 0);
  });

  it('takes a stall for no trend', () => {
    const sut = new CostModel([1, 64].map((rows) => ({ rows, ms: line(rows) })));
    for (let i = 0; i < 50; i++) sut.observe(32, line(32));
    sut.observe(32, 10_000);
    expect(sut.predictMs(32)).toBeLessThan(1.2 * line(32));
  });

  it('charges all to the rows where all batches were equally large from the start', () => {
    const sut = new CostModel([]);
    for (let i = 0; i < 10; i++) sut.observe(8, 4);
    expect(sut.predictMs(16)).toBeCloseTo(8);
    expect(sut.overheadMs).toBe(0);
  });

  it('never expects less than nothing', () => {
    const sut = new CostModel([
      { rows: 1, ms: 5 },
      { rows: 64, ms: 1 },
    ]);
    expect(sut.predictMs(1000)).toBeGreaterThan(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import { AdaptiveCap } from './adaptive-cap.js';

describe('AdaptiveCap', () => {
  it('halves what memory did not suffice for, and grows back a row at a time', () => {
    const sut = new AdaptiveCap(64);
    sut.ranOutOfMemory(64);
    expect(sut.rows).toBe(32);
    sut.succeeded(31);
    expect(sut.rows).toBe(32);
    sut.succeeded(32);
    expect(sut.rows).toBe(33);
    for (let i = 0; i < 100; i++) sut.succeeded(sut.rows);
    expect(sut.rows).toBe(64);
  });

  it('never falls below a row', () => {
    const sut = new AdaptiveCap(4);
    for (let i = 0; i < 5; i++) sut.ranOutOfMemory(sut.rows);
    expect(sut.rows).toBe(1);
  });

  it('takes a new limit at once, but does not forget that memory ran out', () => {
    const sut = new AdaptiveCap(64);
    sut.limit = 128;
    expect(sut.rows).toBe(128);
    sut.ranOutOfMemory(128);
    sut.limit = 256;
    expect(sut.rows).toBe(64);
    sut.limit = 16;
    expect(sut.rows).toBe(16);
  });
});

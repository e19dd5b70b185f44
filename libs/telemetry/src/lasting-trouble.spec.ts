import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LastingTrouble } from './lasting-trouble.js';

const [first, second, third] = ['a', 'b', 'c'].map((text) => new Error(text));

describe('LastingTrouble', () => {
  const logger = { warn: jest.fn(), error: jest.fn() };

  beforeEach(() => {
    jest.useFakeTimers();
    jest.clearAllMocks();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('is told once, and once more after something has worked', () => {
    const sut = new LastingTrouble(logger);
    sut.met(first, 'first');
    sut.isOver();
    jest.advanceTimersByTime(1000);
    sut.met(second, 'second');
    sut.met(third, 'third');
    expect(logger.warn.mock.calls).toEqual([
      [{ err: first }, 'first'],
      [{ err: second }, 'second'],
    ]);
  });

  it('that lasts is told again every ten seconds, with how often it was met', () => {
    const sut = new LastingTrouble(logger, 'error');
    for (let i = 0; i <= 100; i++) {
      sut.met(first, 'it');
      jest.advanceTimersByTime(100);
    }
    expect(logger.error.mock.calls).toEqual([
      [{ err: first }, 'it'],
      [{ err: first, times: 100 }, 'it'],
    ]);
  });

  it('that comes and goes is told once a second at most', () => {
    const sut = new LastingTrouble(logger);
    for (let i = 0; i < 30; i++) {
      sut.met(first, 'it');
      sut.isOver();
      jest.advanceTimersByTime(100);
    }
    expect(logger.warn).toHaveBeenCalledTimes(3);
  });
});

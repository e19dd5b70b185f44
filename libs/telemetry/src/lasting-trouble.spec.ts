import { describe, expect, it, jest } from '@jest/globals';
import { LastingTrouble } from './lasting-trouble.js';

describe('LastingTrouble', () => {
  it('is told once, and once more after something has worked', () => {
    const warn = jest.fn();
    const sut = new LastingTrouble({ warn });
    const errors = ['a', 'b', 'c'].map((text) => new Error(text));
    sut.met(errors[0], 'first');
    sut.met(errors[1], 'second');
    sut.isOver();
    sut.met(errors[2], 'third');
    expect(warn.mock.calls).toEqual([
      [{ err: errors[0] }, 'first'],
      [{ err: errors[2] }, 'third'],
    ]);
  });
});

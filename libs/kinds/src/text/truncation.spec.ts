import { describe, expect, it } from '@jest/globals';
import { cut, shareOf } from './truncation.js';

describe('shareOf', () => {
  // What tokenizers' `longest_first` leaves of pairs of such lengths; see make_text.py for whole texts.
  it.each([
    [3, 4, 10, [3, 4]],
    [20, 3, 10, [7, 3]],
    [3, 20, 10, [3, 7]],
    [20, 30, 10, [5, 5]],
    [30, 20, 11, [6, 5]],
    [20, 20, 11, [5, 6]],
    [6, 5, 10, [5, 5]],
    [0, 30, 10, [0, 10]],
  ])('of %i and %i with room for %i', (first, second, room, expected) => {
    expect(shareOf(first, second, room)).toEqual(expected);
  });
});

describe('cut', () => {
  it.each([
    ['right', [1, 2]],
    ['left', [2, 3]],
  ] as const)('cuts off at the %s', (side, expected) => {
    expect(cut([1, 2, 3], 2, side)).toEqual(expected);
    expect(cut([1, 2, 3], 0, side)).toEqual([]);
    expect(cut([1, 2, 3], 3, side)).toEqual([1, 2, 3]);
  });
});

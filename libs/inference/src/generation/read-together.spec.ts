import { describe, expect, it } from '@jest/globals';
import { readTogether } from './read-together.js';

function groupsOf(lengths: number[]): number[][] {
  const sequences = lengths.map((length) => ({ tokens: Array<number>(length).fill(0) }));
  return readTogether(sequences).map((group) => group.map(({ tokens }) => tokens.length));
}

describe('readTogether', () => {
  it.each<[number[], number[][]]>([
    [[], []],
    [[7], [[7]]],
    [[10, 8, 12], [[8, 10, 12]]],
    [
      [500, 10, 12, 480],
      [
        [10, 12],
        [480, 500],
      ],
    ],
  ])('%j', (lengths, groups) => {
    expect(groupsOf(lengths)).toEqual(groups);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StopSequences } from './stop-sequences.js';

function run(stops: string[], pieces: string[]): { told: string[]; found: boolean } {
  const sequences = new StopSequences(stops);
  const told: string[] = [];
  for (const piece of pieces) {
    told.push(sequences.push(piece));
    if (sequences.isFound) return { told, found: true };
  }
  return { told: [...told, sequences.rest()], found: false };
}

describe('StopSequences', () => {
  it.each<[string, string[], string[], string[], boolean]>([
    ['none', [], ['a', 'b'], ['a', 'b', ''], false],
    ['within a piece', ['\n'], ['one\ntwo'], ['one'], true],
    ['across pieces', ['END'], ['some E', 'N', 'D more'], ['some ', '', ''], true],
    ['a beginning that leads nowhere', ['END'], ['E', 'NO'], ['', 'ENO', ''], false],
    ['a beginning at the end of it all', ['END'], ['an EN'], ['an ', 'EN'], false],
    ['one that begins within another', ['aab'], ['a', 'a', 'a', 'b'], ['', '', 'a', ''], true],
    ['the first of several', ['late', 'now'], ['it is now too late'], ['it is '], true],
    ['a longer one comes too late', ['abc', 'b'], ['abc'], ['a'], true],
    ['of two that end together, the longer', ['b', 'ab'], ['ab'], [''], true],
  ])('%s', (_name, stops, pieces, told, found) => {
    expect(run(stops, pieces)).toEqual({ told, found });
  });

  it('finds the same however the text is cut, and tells none of it', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', '🙂'), { maxLength: 20 });
    const stop = fc.array(fc.constantFrom('a', 'b', '🙂'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(text, fc.array(stop, { minLength: 1, maxLength: 4 }), (pieces, parts) => {
        const stops = parts.map((part) => part.join(''));
        const whole = pieces.join('');
        const { told, found } = run(stops, pieces);
        const atOnce = run(stops, [whole]);
        expect(found).toBe(stops.some((one) => whole.includes(one)));
        expect([told.join(''), found]).toEqual([atOnce.told.join(''), atOnce.found]);
        if (!found) expect(told.join('')).toBe(whole);
        else expect(stops.some((one) => whole.startsWith(told.join('') + one))).toBe(true);
        expect(stops.some((one) => told.join('').includes(one))).toBe(false);
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GrowingText } from './growing-text.js';

/** A token is a byte: characters are cut wherever they can be. */
function bytes(ids: readonly number[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids));
}

/** As tokenizers that fall back to bytes do: what is no character comes as a sign for each of its bytes. */
function bytewise(ids: readonly number[]): string {
  let text = '';
  for (let at = 0; at < ids.length;) {
    const lengths = [1, 2, 3, 4].filter((length) => at + length <= ids.length);
    const found = lengths.find((length) => !bytes(ids.slice(at, at + length)).includes('\uFFFD'));
    text += found ? bytes(ids.slice(at, at + found)) : '\uFFFD';
    at += found ?? 1;
  }
  return text;
}

/** The first word of a text has no space before it. */
const WORDS = ['\u2581one', '\u2581two', 's', '\u2581three'];
function words(ids: readonly number[]): string {
  const joined = ids.map((id) => WORDS[id] ?? '').join('');
  return joined.replaceAll('\u2581', ' ').replace(/^ /, '');
}

function pieces(
  prompt: readonly number[],
  ids: readonly number[],
  decode: (ids: readonly number[]) => string,
): string[] {
  const tokens = [...prompt];
  const text = new GrowingText(tokens, decode);
  const told = ids.map((id) => {
    tokens.push(id);
    return text.next();
  });
  return [...told, text.rest()];
}

const utf8 = (text: string): number[] => [...Buffer.from(text)];

describe('GrowingText', () => {
  it('tells characters when they are whole', () => {
    expect(pieces(utf8('a'), utf8('é🙂!'), bytes)).toEqual(['', 'é', '', '', '', '🙂', '!', '']);
  });

  it('tells what never becomes a character once that is certain, or no token follows', () => {
    expect(pieces([], [0xff, 0x41, 0xf0, 0x9f], bytes)).toEqual(['', '\uFFFDA', '', '', '\uFFFD']);
  });

  it('has the space between the prompt and the first word, and between words', () => {
    expect(pieces([0], [1, 2, 3], words).join('')).toBe(' twos three');
    expect(pieces([], [1, 2, 3], words).join('')).toBe('twos three');
  });

  it.each([
    ['bytes', bytes],
    ['a sign for each byte', bytewise],
  ])('pieces are the text, and hold no half of a character: %s', (_name, decode) => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'binary', minLength: 1 }),
        (prompt, text) => {
          const told = pieces(utf8(prompt), utf8(text), decode);
          expect(told.join('')).toBe(text);
          const whole = told.slice(0, -1).every((piece) => piece.isWellFormed());
          expect(whole).toBe(true);
          expect(text.includes('\uFFFD') || !told.join('').includes('\uFFFD')).toBe(true);
        },
      ),
    );
  });

  it('noise comes out as it is decoded at once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { maxLength: 60 }), (noise) => {
        expect(pieces([], noise, bytes).join('')).toBe(bytes(noise));
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { ProcessingError } from '../errors.js';
import { jsonText } from './json-text.js';

describe('jsonText', () => {
  it('is what JSON makes of a value, without lone surrogates', () => {
    expect(jsonText({ a: [1, null, 'x'], b: undefined })).toBe('{"a":[1,null,"x"]}');
    expect(jsonText('\ud800!')).toBe('"\ufffd!"');
    expect(jsonText(null)).toBe('null');
  });

  it.each([
    ['nothing', undefined, 'nothing'],
    ['a function', () => 1, 'nothing'],
    ['NaN', NaN, 'returned NaN'],
    ['an infinity in a list', { a: [-Infinity] }, 'returned -Infinity as 0'],
  ])('of %s is refused', (_, value, message) => {
    expect(() => jsonText(value)).toThrow(ProcessingError);
    expect(() => jsonText(value)).toThrow(message);
  });
});

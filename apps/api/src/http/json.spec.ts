import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { codeOf, problemOf } from '#libs/testing';
import { jsonText, parseJson } from './json.js';

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const keys = (count: number) =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1])));

describe('parseJson', () => {
  it('takes all that JSON.stringify writes, but __proto__', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(4), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        fc.pre(!text.includes('__proto__'));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":1}},"b":{"a":2}}',
    '{"a":"\\"a\\":","b":"{\\"a\\":1,\\"a\\":2}"}',
    '{"constructor":1,"prototype":{"constructor":{"x":1}}}',
    '["__proto__","a","a"]',
    '{"a":"\\\\","b":"\\\\\\""}',
    `\ufeff{"a":1}`,
    nested(64),
    keys(10_000),
  ])('takes %.60s', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text.replace('\ufeff', '')));
  });

  it.each([
    '',
    '{',
    '{"a":1}}',
    '{"a":1,"a":1}',
    '{"a":1,"b":{"x":[{"a":1}]},"a":1}',
    '[[{"a":1 , "\\u0061" : 1}]]',
    '{"\\ud83d\\ude00":1,"😀":2}',
    '{"__proto__":1}',
    '[{"_\\u005fproto__":{}}]',
    '{"constructor":{"prototype":1}}',
    '{"constructor":{"a":[],"prototype":1}}',
    nested(65),
    nested(1_000_000),
  ])('refuses %.60s', (text) => {
    expect(codeOf(() => parseJson(text))).toBe('invalid-json');
  });

  it('names the key that stands twice, in part where it is long', () => {
    const key = 'k'.repeat(100);
    expect(problemOf(() => parseJson(`{"${key}":1,"${key}":2}`)).detail).toBe(
      `The key "${'k'.repeat(64)}" stands twice in one object.`,
    );
  });

  it('refuses an object of very many keys as too large', () => {
    expect(codeOf(() => parseJson(keys(10_001)))).toBe('payload-too-large');
  });
});

describe('jsonText', () => {
  it('refuses what is no UTF-8', () => {
    expect(jsonText(Buffer.from('"é"'))).toBe('"é"');
    for (const hex of ['', 'ff', 'c3', 'eda080', 'fffe7b00']) {
      expect(codeOf(() => jsonText(Buffer.from(hex, 'hex')))).toBe('invalid-json');
    }
  });
});

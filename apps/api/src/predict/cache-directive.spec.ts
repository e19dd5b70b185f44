import { describe, expect, it } from '@jest/globals';
import { cacheDirectiveOf } from './cache-directive.js';

describe('cacheDirectiveOf', () => {
  it.each([
    ['no-cache', 'no-cache'],
    ['No-Cache', 'no-cache'],
    ['max-age=0, no-cache', 'no-cache'],
    ['no-store', 'no-store'],
    ['no-cache,no-store', 'no-store'],
    ['max-age=0', undefined],
    ['no-cached', undefined],
    ['', undefined],
    [',;=" no-cache', undefined],
    ['extension="a, no-cache, b"', undefined],
    ['extension="a\\", no-cache", no-store', 'no-store'],
  ])('makes of "%s" %s', (header, directive) => {
    expect(cacheDirectiveOf({ 'cache-control': header })).toBe(directive);
  });

  it('is nothing where there is no such header', () => {
    expect(cacheDirectiveOf({})).toBeUndefined();
  });
});

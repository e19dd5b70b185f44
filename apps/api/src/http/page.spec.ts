import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from '#libs/testing';
import { page, pageSize } from './page.js';

const key = (text: string) => text;

describe('pageSize', () => {
  it.each([
    [undefined, 20],
    ['1', 1],
    ['100', 100],
  ])('of %p', (limit, size) => {
    expect(pageSize(limit)).toBe(size);
  });

  it.each(['0', '101', '-1', '1.5', '1e1', '0x10', ' 5', '', 'all', '9'.repeat(400)])(
    'refuses %p',
    (limit) => {
      expect(codeOf(() => pageSize(limit))).toBe('invalid-request');
    },
  );
});

describe('page', () => {
  it('shows everything once, page by page', () => {
    const cases = fc.tuple(
      fc.uniqueArray(fc.string({ unit: 'grapheme' })),
      fc.integer({ min: 1, max: 7 }),
    );
    fc.assert(
      fc.property(cases, ([texts, size]) => {
        const items = [...texts].sort();
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const { data, next_cursor } = page(items, key, size, cursor);
          expect(data.length).toBeLessThanOrEqual(size);
          seen.push(...data);
          cursor = next_cursor ?? undefined;
        } while (cursor !== undefined);
        expect(seen).toEqual(items);
      }),
    );
  });

  it('ends without a cursor where the last page is full', () => {
    expect(page(['a', 'b'], key, 2, undefined)).toEqual({ data: ['a', 'b'], next_cursor: null });
    expect(page([], key, 2, undefined)).toEqual({ data: [], next_cursor: null });
  });

  it('neither repeats nor hides items while others come and go', () => {
    const { next_cursor } = page(['a', 'b', 'c'], key, 2, undefined);
    const next = (items: string[]) => page(items, key, 2, next_cursor ?? '').data;
    expect(next(['a', 'aa', 'b', 'c'])).toEqual(['c']);
    expect(next(['c', 'd'])).toEqual(['c', 'd']);
  });

  it.each(['%', 'YQ==', 'a b', '_w'])('refuses %p for a cursor', (cursor) => {
    expect(codeOf(() => page(['a'], key, 1, cursor))).toBe('invalid-request');
  });
});

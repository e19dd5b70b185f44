import { describe, expect, it } from '@jest/globals';
import { retryAfterMs } from './retry-after.js';

const NOW = Date.parse('2026-11-01T12:00:00Z');
const DAY_MS = 86_400_000;

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['86401', DAY_MS],
    ['9'.repeat(400), DAY_MS],
    ['Sun, 01 Nov 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Nov 2026 12:00:00 GMT', 0],
    ['Tue, 01 Nov 2050 12:00:00 GMT', DAY_MS],
    [['5', '60'], 5000],
  ])('reads %p', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  it.each([
    undefined,
    '',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    'soon',
    '10 s',
    'Sun, 01 Nov 2026 11:59:59 GMT',
    'Sun, 99 Nov 2026 12:00:30 GMT',
    'Sun, 01 Nov 2026 12:00:30',
    'Sun, 01 Nov 2026 12:00:30 +0100',
    '2026-11-01T12:00:30Z',
    [],
  ])('makes nothing of %p', (header) => {
    expect(retryAfterMs(header as string | undefined, NOW)).toBeNull();
  });
});

import { describe, expect, it } from '@jest/globals';
import { enlarge, FILTERS } from './enlarge.js';

const line = (data: number[]) => ({
  data: Uint8Array.from(data),
  width: data.length,
  height: 1,
  channels: 1,
});
const ROW = [0, 40, 80, 120, 160, 200];

describe('enlarge', () => {
  // From Image.resize of Pillow 13.
  it.each([
    ['bilinear', [0, 20, 47, 73, 100, 127, 153, 180, 200]],
    ['bicubic', [0, 16, 47, 73, 100, 127, 153, 184, 203]],
    ['lanczos', [0, 15, 48, 74, 100, 126, 152, 185, 203]],
  ] as const)('gives what Pillow gives: %s', (filter, expected) => {
    const whole = { from: 6, to: 9, first: 0, count: 9, offset: 0 };
    const wide = enlarge(line(ROW), FILTERS[filter], whole, undefined);
    expect([...wide.data]).toEqual(expected);
    const column = { ...line(ROW), width: 1, height: 6 };
    const high = enlarge(column, FILTERS[filter], undefined, whole);
    expect([...high.data]).toEqual(expected);
    expect([high.width, high.height]).toEqual([1, 9]);
  });

  it('gives a part of that, of a part of the line', () => {
    const part = { from: 6, to: 9, first: 3, count: 3, offset: 1 };
    const found = enlarge(line(ROW.slice(1, 5)), FILTERS.bilinear, part, undefined);
    expect([...found.data]).toEqual([73, 100, 127]);
  });

  it('keeps channels apart', () => {
    const pixels = { data: Uint8Array.from([0, 100, 200, 100]), width: 2, height: 1, channels: 2 };
    const whole = { from: 2, to: 4, first: 0, count: 4, offset: 0 };
    const { data } = enlarge(pixels, FILTERS.bilinear, whole, undefined);
    expect([...data]).toEqual([0, 100, 50, 100, 150, 100, 200, 100]);
  });
});

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ImageEncoder } from './image.encoder.js';
import { imageSettings } from './image.settings.js';

interface Golden {
  pictures: Record<string, string>;
  cases: {
    name: string;
    picture: string;
    input: object;
    crop?: [number, number, number, number];
    shape: number[];
    /** Of little-endian float32, or of bytes. */
    data: string;
    tolerance: { most: number; mean: number };
  }[];
}

const FILE = path.join(import.meta.dirname, '../../../../test/fixtures/golden/image/pixels.json');
const { pictures, cases } = JSON.parse(readFileSync(FILE, 'utf8')) as Golden;

describe('what Pillow makes of a picture', () => {
  it.each(cases)('$name', async ({ picture, input, crop, shape, data, tolerance }) => {
    const spec = imageSettings.parse({ kind: 'image', ...input });
    const { dtype } = spec;
    const sut = await ImageEncoder.open(spec, [{ name: 'x', dtype, shape: ['N', ...shape] }]);
    const image = pictures[picture] ?? '';
    const prepared = await sut.prepare(crop ? { image, crop } : image);
    const found = sut.encode([prepared], 1)['x']?.data as Float32Array;
    const bytes = Buffer.from(data, 'base64');
    const expected = dtype === 'uint8' ? bytes : new Float32Array(Uint8Array.from(bytes).buffer);
    expect(found).toHaveLength(expected.length);
    const apart = Array.from(expected, (value, i) => Math.abs(value - (found[i] ?? NaN)));
    expect(Math.max(...apart)).toBeLessThanOrEqual(tolerance.most + 1e-6);
    const mean = apart.reduce((sum, each) => sum + each, 0) / apart.length;
    expect(mean).toBeLessThanOrEqual(tolerance.mean + 1e-6);
  });
});

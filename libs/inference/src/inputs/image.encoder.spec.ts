import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import type { ImageInput, TensorInfo } from '#libs/contracts';
import { InstanceError } from '../errors.js';
import type { Batch } from '../tensors.js';
import { ImageEncoder } from './image.encoder.js';

type Colour = [number, number, number];
const RED: Colour = [255, 0, 0];
const BLUE: Colour = [0, 0, 255];

function encoder(spec: Partial<ImageInput> = {}, shape?: TensorInfo['shape']): ImageEncoder {
  const input: ImageInput = {
    kind: 'image',
    width: 2,
    height: 1,
    channels: 'rgb',
    layout: 'nhwc',
    fit: 'fill',
    scale: 1,
    mean: spec.channels === 'grayscale' ? [0] : [0, 0, 0],
    std: spec.channels === 'grayscale' ? [1] : [1, 1, 1],
    ...spec,
  };
  const axes: Record<ImageInput['layout'], string[]> = {
    flat: ['N', 'D'],
    nchw: ['N', 'C', 'H', 'W'],
    nhwc: ['N', 'H', 'W', 'C'],
  };
  return new ImageEncoder(input, [
    { name: 'x', dtype: 'float32', shape: shape ?? axes[input.layout] },
  ]);
}

async function encode(sut: ImageEncoder, image: string): Promise<Batch[string] | undefined> {
  return sut.encode([await sut.prepare(image)], 1)['x'];
}

async function pixels(sut: ImageEncoder, image: Buffer): Promise<number[]> {
  const x = await encode(sut, image.toString('base64'));
  return Array.from(x?.data as Float32Array);
}

function picture(width: number, height: number, colours: number[][]) {
  const channels = (colours[0]?.length ?? 3) as 1 | 3 | 4;
  return sharp(Buffer.from(colours.flat()), { raw: { width, height, channels } });
}

describe('ImageEncoder', () => {
  it.each<[ImageInput['layout'], number[], number[]]>([
    ['nhwc', [1, 2, 3], [1, 2, 3, 4, 5, 6]],
    ['flat', [6], [1, 2, 3, 4, 5, 6]],
    ['nchw', [3, 1, 2], [1, 4, 2, 5, 3, 6]],
  ])('lays pixels out as %s', async (layout, shape, expected) => {
    const colours = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const image = await picture(2, 1, colours).png().toBuffer();
    const x = await encode(encoder({ layout }), image.toString('base64'));
    expect(Array.from(x?.data as Float32Array)).toEqual(expected);
    expect(x?.shape).toEqual(shape);
  });

  it('puts images behind one another, and leaves room for more', () => {
    const sut = encoder({ channels: 'grayscale', layout: 'flat' });
    const batch = sut.encode([new Uint8Array([1, 2]), new Uint8Array([3, 4])], 3);
    expect(batch).toEqual({ x: { data: new Float32Array([1, 2, 3, 4, 0, 0]), shape: [2] } });
  });

  it('takes an 8×8 grey PNG without loss', async () => {
    const values = Array.from({ length: 64 }, (_, i) => (i * 37) % 256);
    const image = await picture(
      8,
      8,
      values.map((v) => [v]),
    )
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const grey = { channels: 'grayscale', width: 8, height: 8 } as const;
    expect(await pixels(encoder({ ...grey, layout: 'flat' }), image)).toEqual(values);
    const rgb = await pixels(encoder({ width: 8, height: 8 }), image);
    expect(rgb).toEqual(values.flatMap((v) => [v, v, v]));
  });

  it('takes 16-bit PNGs for what they show', async () => {
    const raw = { width: 2, height: 1, channels: 1 } as const;
    const image = await sharp(new Uint16Array([0, 0x8000]), { raw })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const [black, grey] = await pixels(encoder({ channels: 'grayscale' }), image);
    expect(black).toBe(0);
    expect(grey).toBeGreaterThanOrEqual(127);
    expect(grey).toBeLessThanOrEqual(129);
    expect(await pixels(encoder(), image)).toEqual([0, 0, 0, grey, grey, grey]);
  });

  it.each(['jpeg', 'webp', 'png'] as const)('reads %s, also as a data URI', async (format) => {
    const image = await picture(16, 16, Array<Colour>(256).fill(RED)).toFormat(format).toBuffer();
    const text = `data:image/${format};base64,${image.toString('base64')}`;
    const x = await encode(encoder({ width: 1, height: 1 }), text);
    const [red = 0, green = 255, blue = 255] = Array.from(x?.data as Float32Array);
    expect(red).toBeGreaterThan(245);
    expect(Math.max(green, blue)).toBeLessThan(10);
  });

  it('turns pictures upright by their EXIF orientation, before it resizes', async () => {
    const image = await picture(1, 2, [RED, BLUE])
      .withMetadata({ orientation: 8 })
      .png()
      .toBuffer();
    expect(await pixels(encoder(), image)).toEqual([...RED, ...BLUE]);
    const other = await picture(1, 2, [RED, BLUE])
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    expect(await pixels(encoder(), other)).toEqual([...BLUE, ...RED]);
  });

  it('drops alpha', async () => {
    const image = await picture(2, 1, [
      [...RED, 255],
      [...BLUE, 255],
    ])
      .png()
      .toBuffer();
    expect(await pixels(encoder(), image)).toEqual([...RED, ...BLUE]);
    expect(await pixels(encoder({ channels: 'grayscale' }), image)).toHaveLength(2);
  });

  it('reads palettes and CMYK', async () => {
    const palette = await picture(2, 1, [RED, BLUE]).png({ palette: true }).toBuffer();
    expect(await pixels(encoder(), palette)).toEqual([...RED, ...BLUE]);
    const cmyk = await picture(2, 1, [RED, BLUE]).toColourspace('cmyk').jpeg().toBuffer();
    expect(await pixels(encoder(), cmyk)).toHaveLength(6);
  });

  it.each(['fill', 'cover', 'contain'] as const)(
    'resizes to what the graph takes: %s',
    async (fit) => {
      const image = await picture(3, 5, Array<Colour>(15).fill(RED)).png().toBuffer();
      expect(await pixels(encoder({ fit, width: 4, height: 4 }), image)).toHaveLength(48);
    },
  );

  it('scales and normalises each channel', async () => {
    const image = await picture(1, 1, [[255, 51, 0]])
      .png()
      .toBuffer();
    const spec = { width: 1, height: 1, scale: 1 / 255, mean: [0.5, 0.2, 0], std: [0.5, 1, 2] };
    const [red = 9, green = 9, blue = 9] = await pixels(encoder(spec), image);
    expect(red).toBeCloseTo(1, 6);
    expect(green).toBeCloseTo(0, 6);
    expect(blue).toBe(0);
  });

  it.each(['png', 'jpeg', 'webp'] as const)('refuses a truncated %s', async (format) => {
    const noise = Array.from({ length: 64 * 64 }, (_, i) => [(i * 7919) % 256, i % 251, i % 13]);
    const image = await picture(64, 64, noise).toFormat(format).toBuffer();
    const half = image.subarray(0, image.length >> 1).toString('base64');
    await expect(encoder().prepare(half)).rejects.toThrow(InstanceError);
  });

  it('refuses what is no image at all', async () => {
    await expect(encoder().prepare('aGVsbG8=')).rejects.toThrow(InstanceError);
    await expect(encoder().prepare('')).rejects.toThrow(InstanceError);
  });

  it('refuses more than 50 megapixels before it decodes them', async () => {
    const small = await picture(1, 1, [RED]).png().toBuffer();
    small.writeUInt32BE(10_000, 16);
    small.writeUInt32BE(10_000, 20);
    small.writeUInt32BE(crc32(small.subarray(12, 29)), 29);
    await expect(encoder().prepare(small.toString('base64'))).rejects.toThrow(/pixel limit/);
  });

  it('refuses a graph that takes pictures of another size or type', () => {
    expect(() => encoder({}, ['N', 3, 1, 2])).toThrow('[1, 2, 3]');
    expect(() => encoder({}, [2, 3])).toThrow('[1, 2, 3]');
  });
});

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import type { TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import type { Batch } from '../tensors.js';
import { ImageEncoder } from './image.encoder.js';
import type { PreparedImage } from './image.reader.js';
import { type ImageInput, imageSettings } from './image.settings.js';

type Colour = [number, number, number];
const RED: Colour = [255, 0, 0];
const BLUE: Colour = [0, 0, 255];

const AXES: Record<ImageInput['layout'], string[]> = {
  flat: ['N', 'D'],
  nchw: ['N', 'C', 'H', 'W'],
  nhwc: ['N', 'H', 'W', 'C'],
};

function encoder(spec: object = {}, tensor: Partial<TensorInfo> = {}): Promise<ImageEncoder> {
  const plain = { kind: 'image', width: 2, height: 1, channels: 'rgb', layout: 'nhwc', scale: 1 };
  const input = imageSettings.parse({ ...plain, ...spec });
  const { layout, dtype } = input;
  return ImageEncoder.open(input, [{ name: 'x', dtype, shape: AXES[layout], ...tensor }]);
}

async function encode(spec: object, image: string): Promise<Batch[string] | undefined> {
  const sut = await encoder(spec);
  return sut.encode([await sut.prepare(image)], 1)['x'];
}

async function pixels(spec: object, image: Buffer): Promise<number[]> {
  const x = await encode(spec, image.toString('base64'));
  return Array.from(x?.data as Float32Array);
}

function picture(width: number, height: number, colours: number[][]) {
  const channels = (colours[0]?.length ?? 3) as 1 | 3 | 4;
  return sharp(Buffer.from(colours.flat()), { raw: { width, height, channels } });
}

const prepared = (values: number[]): PreparedImage => {
  const whole = { left: 0, top: 0, width: 2, height: 1 };
  return { pixels: Uint8Array.from(values), placement: { region: whole, target: whole } };
};

describe('ImageEncoder', () => {
  it.each<[object, number[], number[]]>([
    [{ layout: 'nhwc' }, [1, 2, 3], [1, 2, 3, 4, 5, 6]],
    [{ layout: 'flat' }, [6], [1, 2, 3, 4, 5, 6]],
    [{ layout: 'nchw' }, [3, 1, 2], [1, 4, 2, 5, 3, 6]],
    [{ layout: 'nhwc', channels: 'bgr' }, [1, 2, 3], [3, 2, 1, 6, 5, 4]],
    [{ layout: 'nchw', channels: 'bgr' }, [3, 1, 2], [3, 6, 2, 5, 1, 4]],
  ])('lays pixels out as %p', async (spec, shape, expected) => {
    const colours = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const image = await picture(2, 1, colours).png().toBuffer();
    const x = await encode(spec, image.toString('base64'));
    expect(Array.from(x?.data as Float32Array)).toEqual(expected);
    expect(x?.shape).toEqual(shape);
  });

  it('puts images behind one another, and leaves room for more', async () => {
    const sut = await encoder({ channels: 'grayscale', layout: 'flat' });
    const batch = sut.encode([prepared([1, 2]), prepared([3, 4])], 3);
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
    const grey = { channels: 'grayscale', width: 8, height: 8 };
    expect(await pixels({ ...grey, layout: 'flat' }, image)).toEqual(values);
    const rgb = await pixels({ width: 8, height: 8 }, image);
    expect(rgb).toEqual(values.flatMap((v) => [v, v, v]));
  });

  it('takes 16-bit PNGs for what they show', async () => {
    const raw = { width: 2, height: 1, channels: 1 } as const;
    const image = await sharp(new Uint16Array([0, 0x8000]), { raw })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const [black, grey] = await pixels({ channels: 'grayscale' }, image);
    expect(black).toBe(0);
    expect(grey).toBeGreaterThanOrEqual(127);
    expect(grey).toBeLessThanOrEqual(129);
    expect(await pixels({}, image)).toEqual([0, 0, 0, grey, grey, grey]);
  });

  it.each(['jpeg', 'webp', 'png', 'avif', 'gif'] as const)(
    'reads %s, also as a data URI',
    async (format) => {
      const image = await picture(16, 16, Array<Colour>(256).fill(RED)).toFormat(format).toBuffer();
      const text = `data:image/${format};base64,${image.toString('base64')}`;
      const x = await encode({ width: 1, height: 1 }, text);
      const [red = 0, green = 255, blue = 255] = Array.from(x?.data as Float32Array);
      expect(red).toBeGreaterThan(245);
      expect(Math.max(green, blue)).toBeLessThan(10);
    },
  );

  it('takes the first frame of a GIF', async () => {
    const frames = [RED, RED, BLUE, BLUE];
    const image = await sharp(Buffer.from(frames.flat()), {
      raw: { width: 2, height: 2, channels: 3, pageHeight: 1 },
    })
      .gif({ delay: [50, 50] })
      .toBuffer();
    expect((await sharp(image).metadata()).pages).toBe(2);
    expect(await pixels({}, image)).toEqual([...RED, ...RED]);
  });

  it('turns pictures upright by their EXIF orientation, before it cuts and resizes', async () => {
    const turned = (orientation: number) =>
      picture(1, 2, [RED, BLUE]).withMetadata({ orientation }).png().toBuffer();
    expect(await pixels({}, await turned(8))).toEqual([...RED, ...BLUE]);
    expect(await pixels({}, await turned(6))).toEqual([...BLUE, ...RED]);
    const sut = await encoder({ width: 1 });
    const image = (await turned(6)).toString('base64');
    const right = await sut.prepare({ image, crop: [1, 0, 1, 1] });
    expect([...right.pixels]).toEqual(RED);
  });

  it('lays what is transparent over the background, in the order of the channels', async () => {
    const image = await picture(2, 1, [
      [...RED, 255],
      [...BLUE, 0],
    ])
      .png()
      .toBuffer();
    expect(await pixels({}, image)).toEqual([...RED, 0, 0, 0]);
    expect(await pixels({ background: [9, 8, 7] }, image)).toEqual([...RED, 9, 8, 7]);
    const bgr = { channels: 'bgr', background: [9, 8, 7] };
    expect(await pixels(bgr, image)).toEqual([0, 0, 255, 9, 8, 7]);
    const grey = { channels: 'grayscale', background: 200 };
    expect(await pixels(grey, image)).toEqual([76, 200]);
  });

  it('reads palettes and CMYK', async () => {
    const palette = await picture(2, 1, [RED, BLUE]).png({ palette: true }).toBuffer();
    expect(await pixels({}, palette)).toEqual([...RED, ...BLUE]);
    const cmyk = await picture(2, 1, [RED, BLUE]).toColourspace('cmyk').jpeg().toBuffer();
    expect(await pixels({}, cmyk)).toHaveLength(6);
  });

  it.each([
    { fit: 'fill' },
    { fit: 'cover' },
    { fit: 'contain' },
    { fit: 'cover', shortest_side: 9 },
  ])('resizes to what the graph takes: %p', async (spec) => {
    const size = { width: 4, height: 4 };
    for (const [width, height] of [
      [3, 5],
      [40, 3],
      [1, 300],
      [4, 4],
    ] as const) {
      const image = await picture(width, height, Array<Colour>(width * height).fill(RED))
        .png()
        .toBuffer();
      expect(await pixels({ ...size, ...spec }, image)).toHaveLength(48);
    }
  });

  it('cuts what it enlarges from a very long picture, rather than to enlarge all of it', async () => {
    const long = await sharp({
      create: { width: 50_000, height: 1, channels: 3, background: { r: 255, g: 0, b: 0 } },
    })
      .png()
      .toBuffer();
    const size = { width: 512, height: 512, fit: 'cover' };
    const before = process.memoryUsage.rss();
    expect(new Set(await pixels(size, long))).toEqual(new Set([255, 0]));
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  });

  it('scales and normalises each channel', async () => {
    const image = await picture(1, 1, [[255, 51, 0]])
      .png()
      .toBuffer();
    const spec = { width: 1, height: 1, scale: 1 / 255, mean: [0.5, 0.2, 0], std: [0.5, 1, 2] };
    const [red = 9, green = 9, blue = 9] = await pixels(spec, image);
    expect(red).toBeCloseTo(1, 6);
    expect(green).toBeCloseTo(0, 6);
    expect(blue).toBe(0);
  });

  it('gives a graph that takes uint8 the pixels themselves', async () => {
    const image = await picture(2, 1, [RED, BLUE]).png().toBuffer();
    const spec = { dtype: 'uint8', scale: undefined };
    const x = await encode(spec, image.toString('base64'));
    expect(x?.data).toEqual(Uint8Array.from([...RED, ...BLUE]));
  });

  it.each<[string, [number, number, number, number], number[] | string]>([
    ['the whole', [0, 0, 3, 1], [255, 0, 0, 0, 0, 255, 1, 2, 3]],
    ['a part', [1, 0, 2, 1], [0, 0, 255, 1, 2, 3]],
    ['edges between pixels, rounded', [0.6, 0.4, 1.7, 0.8], [0, 0, 255]],
    ['beyond the right edge', [2, 0, 2, 1], 'reaches beyond the image, which has 3 × 1 pixels'],
    ['beyond the lower edge', [0, 0.6, 1, 1], 'reaches beyond the image'],
    ['beside it', [4, 0, 1, 1], 'reaches beyond the image'],
    ['less than a pixel', [0.6, 0, 0.3, 1], 'has no whole pixel'],
    ['numbers beyond measure', [1e308, 0, 1e308, 1], 'reaches beyond the image'],
  ])('takes a crop: %s', async (_name, crop, expected) => {
    const bytes = await picture(3, 1, [RED, BLUE, [1, 2, 3]])
      .png()
      .toBuffer();
    const image = bytes.toString('base64');
    const width = Array.isArray(expected) ? expected.length / 3 : 1;
    const sut = await encoder({ width });
    const found = sut.prepare({ image, crop });
    if (typeof expected === 'string') {
      await expect(found).rejects.toThrow(InstanceError);
      await expect(found).rejects.toThrow(expected);
    } else expect([...(await found).pixels]).toEqual(expected);
  });

  it('tells where the picture went', async () => {
    const bytes = await picture(4, 2, Array<Colour>(8).fill(RED)).png().toBuffer();
    const image = bytes.toString('base64');
    const sut = await encoder({ width: 8, height: 8, fit: 'contain' });
    expect(sut.contextOf(await sut.prepare({ image, crop: [1, 0, 2, 1] }))).toEqual({
      placement: {
        region: { left: 1, top: 0, width: 2, height: 1 },
        target: { left: 0, top: 2, width: 8, height: 4 },
      },
    });
  });

  it.each(['png', 'jpeg', 'webp', 'avif', 'gif'] as const)(
    'refuses a truncated %s',
    async (format) => {
      const noise = Array.from({ length: 64 * 64 }, (_, i) => [(i * 7919) % 256, i % 251, i % 13]);
      const image = await picture(64, 64, noise).toFormat(format).toBuffer();
      const half = image.subarray(0, image.length >> 1).toString('base64');
      const sut = await encoder();
      await expect(sut.prepare(half)).rejects.toThrow(InstanceError);
    },
  );

  it('refuses what is no image at all', async () => {
    const sut = await encoder();
    await expect(sut.prepare('aGVsbG8=')).rejects.toThrow(InstanceError);
    await expect(sut.prepare('')).rejects.toThrow(InstanceError);
  });

  it('refuses more than 50 megapixels before it decodes them', async () => {
    const small = await picture(1, 1, [RED]).png().toBuffer();
    small.writeUInt32BE(10_000, 16);
    small.writeUInt32BE(10_000, 20);
    small.writeUInt32BE(crc32(small.subarray(12, 29)), 29);
    const sut = await encoder();
    await expect(sut.prepare(small.toString('base64'))).rejects.toThrow(/pixel limit/);
  });

  it('refuses a graph that takes pictures of another size or type', async () => {
    await expect(encoder({}, { shape: ['N', 3, 1, 2] })).rejects.toThrow('[1, 2, 3]');
    await expect(encoder({}, { shape: [2, 3] })).rejects.toThrow('[1, 2, 3]');
    const bytes = encoder({}, { dtype: 'uint8' });
    await expect(bytes).rejects.toThrow(ManifestMismatch);
    await expect(bytes).rejects.toThrow('uint8, and float32 is needed');
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

import type { Sharp, SharpOptions } from 'sharp';
import { InstanceError } from '../errors.js';
import type { Placement } from '../placement.js';
import { enlarge, FILTERS, type Pixels } from './enlarge.js';
import { base64Part, MAX_PIXELS } from './image-format.js';
import { type AxisPlan, planAxis, targetOf } from './image.geometry.js';
import { type ImageInstance, regionOf, textOf } from './image.instance.js';
import type { ImageInput } from './image.settings.js';

/** What libvips calls the filters of Pillow. */
const KERNELS = { bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const;

/** The function that sharp exports. */
type OpenImage = (bytes: Buffer, options: SharpOptions) => Sharp;

/** A picture as the graph gets it but for its layout: 8-bit, `[height, width, channels]`, grey or RGB. */
export interface PreparedImage {
  pixels: Pixels['data'];
  placement: Placement;
}

/**
 * Decodes pictures and makes them fit. Turned upright by its EXIF orientation, cut to what the caller asked for, laid over
 * the background where it is transparent, resized, made grey or RGB: as Pillow does it, but for what is told in
 * docs/guides/images.md.
 */
export class ImageReader {
  private readonly background: { r: number; g: number; b: number };

  constructor(
    private readonly open: OpenImage,
    private readonly spec: ImageInput,
  ) {
    const { channels, background } = spec;
    const [r = 0, g = r, b = r] = channels === 'bgr' ? background.toReversed() : background;
    this.background = { r, g, b };
  }

  /** @throws InstanceError */
  async read(instance: ImageInstance): Promise<PreparedImage> {
    const bytes = Buffer.from(base64Part(textOf(instance)), 'base64');
    try {
      return await this.decode(bytes, instance);
    } catch (error) {
      if (error instanceof InstanceError) throw error;
      // Of the lines that libvips writes, the last one says what it comes to.
      const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : error;
      throw new InstanceError(`the image cannot be decoded: ${String(reason)}`, { cause: error });
    }
  }

  private async decode(bytes: Buffer, instance: ImageInstance): Promise<PreparedImage> {
    const { spec } = this;
    const options = { limitInputPixels: MAX_PIXELS, failOn: 'error' } as const;
    const { autoOrient: size } = await this.open(bytes, options).metadata();
    const region = regionOf(instance, size);
    const target = targetOf(spec, region);
    const filter = FILTERS[spec.interpolation];
    const plan = (side: 'left' | 'top', length: 'width' | 'height') =>
      planAxis(
        { start: region[side], length: region[length] },
        { start: target[side], length: target[length] },
        spec[length],
        filter.support,
      );
    const [x, y] = [plan('left', 'width'), plan('top', 'height')];
    const data = await this.cut(this.open(bytes, options).autoOrient(), size, x, y);
    const shrunk = this.coloured({ data, width: x.count, height: y.count, channels: 3 });
    const fitting = enlarge(shrunk, filter, x.enlarged, y.enlarged);
    return { pixels: this.placed(fitting, target), placement: { region, target } };
  }

  /** Decodes what is needed, shrunk where it has to be. @returns RGB */
  private cut(
    image: Sharp,
    size: { width: number; height: number },
    x: AxisPlan,
    y: AxisPlan,
  ): Promise<Buffer> {
    if (x.length < size.width || y.length < size.height) {
      image.extract({ left: x.start, top: y.start, width: x.length, height: y.length });
    }
    image.flatten({ background: this.background });
    if (x.shrunk < x.length || y.shrunk < y.length) {
      image.resize({
        width: x.shrunk,
        height: y.shrunk,
        fit: 'fill',
        kernel: KERNELS[this.spec.interpolation],
        fastShrinkOnLoad: false,
      });
    }
    if (x.count < x.shrunk || y.count < y.shrunk) {
      image.extract({ left: x.first, top: y.first, width: x.count, height: y.count });
    }
    return image.toColourspace('srgb').raw().toBuffer();
  }

  /** Grey as Pillow's `L` is: the luma of ITU-R 601. */
  private coloured(pixels: Pixels): Pixels {
    if (this.spec.channels !== 'grayscale') return pixels;
    const { data: rgb } = pixels;
    const data = new Uint8Array(pixels.width * pixels.height);
    for (let i = 0, at = 0; i < data.length; i++, at += 3) {
      const [r, g, b] = [rgb[at] ?? 0, rgb[at + 1] ?? 0, rgb[at + 2] ?? 0];
      data[i] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    }
    return { ...pixels, data, channels: 1 };
  }

  /** On the background, where it does not fill the graph's picture. */
  private placed(
    { data, width, height, channels }: Pixels,
    { left, top }: { left: number; top: number },
  ): Pixels['data'] {
    const { spec, background } = this;
    if (width === spec.width && height === spec.height) return data;
    const { r, g, b } = background;
    const line = spec.width * channels;
    const canvas = Buffer.alloc(spec.height * line, Buffer.from(channels === 1 ? [r] : [r, g, b]));
    for (let row = 0; row < height; row++) {
      const pixels = data.subarray(row * width * channels, (row + 1) * width * channels);
      canvas.set(pixels, (top + row) * line + left * channels);
    }
    return canvas;
  }
}

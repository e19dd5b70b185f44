import sharp from 'sharp';
import type { ImageInput, TensorInfo } from '#libs/contracts';
import { base64Part } from '#libs/models';
import { InstanceError } from '../errors.js';
import { findTensor, requireFloat32, requireShape } from '../graph.js';
import type { Row } from '../tensors.js';
import type { InputEncoder } from './input-encoder.js';

/** A picture with more pixels is refused before it is decoded: a bomb, or a mistake. */
const MAX_PIXELS = 50_000_000;

/**
 * PNG, JPEG or WebP → float32 in the layout of the graph. Turned upright by its EXIF orientation,
 * made grey or RGB (alpha dropped), resized, then per channel `(pixel × scale - mean) / std`.
 */
export class ImageEncoder implements InputEncoder {
  private readonly tensor: string;
  private readonly shape: number[];

  constructor(
    private readonly spec: ImageInput,
    inputs: TensorInfo[],
  ) {
    const { width, height, layout } = spec;
    const channels = spec.channels === 'rgb' ? 3 : 1;
    const shapes = {
      flat: [height * width * channels],
      nchw: [channels, height, width],
      nhwc: [height, width, channels],
    };
    const tensor = findTensor(inputs, spec.tensor, 'input');
    this.shape = shapes[layout];
    requireFloat32(tensor);
    requireShape(tensor, this.shape, 'an image of');
    this.tensor = tensor.name;
  }

  async encode(instance: unknown): Promise<Row> {
    const pixels = await this.decode(Buffer.from(base64Part(instance as string), 'base64'));
    return { [this.tensor]: { data: this.normalise(pixels), shape: this.shape } };
  }

  /** @returns 8-bit pixels, `[height, width, channels]`. */
  private async decode(bytes: Buffer): Promise<Uint8Array> {
    const { width, height, fit, channels } = this.spec;
    try {
      const upright = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
        .autoOrient()
        .removeAlpha()
        .resize({ width, height, fit });
      const coloured =
        channels === 'rgb'
          ? upright.toColourspace('srgb')
          : upright.grayscale().toColourspace('b-w');
      return await coloured.raw().toBuffer();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InstanceError(`the image cannot be decoded: ${reason}`, { cause: error });
    }
  }

  private normalise(pixels: Uint8Array): Float32Array {
    const { scale, mean, std, layout } = this.spec;
    const channels = mean.length;
    const area = pixels.length / channels;
    const data = new Float32Array(pixels.length);
    for (let i = 0; i < pixels.length; i++) {
      const channel = i % channels;
      const at = layout === 'nchw' ? channel * area + (i - channel) / channels : i;
      data[at] = ((pixels[i] ?? 0) * scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    }
    return data;
  }
}

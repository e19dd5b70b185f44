import sharp from 'sharp';
import type { ImageInput, TensorInfo } from '#libs/contracts';
import { base64Part, MAX_PIXELS } from '#libs/models';
import { InstanceError } from '../errors.js';
import { findTensor, requireFloat32, requireShape } from '../graph.js';
import { type Batch, sizeOf } from '../tensors.js';
import type { InputEncoder } from './input-encoder.js';

/**
 * PNG, JPEG or WebP → float32 in the layout of the graph. Turned upright by its EXIF orientation,
 * made grey or RGB (alpha dropped), resized, then per channel `(pixel × scale - mean) / std`.
 */
export class ImageEncoder implements InputEncoder {
  readonly tensor: string;
  readonly sample: Uint8Array;
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
    this.sample = new Uint8Array(sizeOf(this.shape));
  }

  /** @returns 8-bit pixels, `[height, width, channels]`. @throws InstanceError */
  async prepare(instance: unknown): Promise<Uint8Array> {
    const bytes = Buffer.from(base64Part(instance as string), 'base64');
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

  encode(images: readonly unknown[], rows: number): Batch {
    const size = sizeOf(this.shape);
    const data = new Float32Array(rows * size);
    images.forEach((pixels, row) => {
      this.normalise(pixels as Uint8Array, data.subarray(row * size, (row + 1) * size));
    });
    return { [this.tensor]: { data, shape: this.shape } };
  }

  private normalise(pixels: Uint8Array, into: Float32Array): void {
    const { scale, mean, std, layout } = this.spec;
    const channels = mean.length;
    const area = pixels.length / channels;
    for (let i = 0; i < pixels.length; i++) {
      const channel = i % channels;
      const at = layout === 'nchw' ? channel * area + (i - channel) / channels : i;
      into[at] = ((pixels[i] ?? 0) * scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    }
  }
}

import type { TensorInfo } from '#libs/contracts';
import { findTensor, requireDtype, requireShape } from '../graph.js';
import type { InputEncoder, InstanceContext } from '../input-kind.js';
import { type Batch, sizeOf } from '../tensors.js';
import type { ImageInstance } from './image.instance.js';
import { ImageReader, type PreparedImage } from './image.reader.js';
import { channelsOf, type ImageInput } from './image.settings.js';

/** Pictures → what the graph takes: in its layout, and per channel `(pixel × scale - mean) / std` or as they are. */
export class ImageEncoder implements InputEncoder {
  readonly tensor: string;
  readonly sample: PreparedImage;
  private readonly shape: number[];
  /** Of each channel of the graph: what each of the 256 levels becomes. */
  private readonly levels: (Float32Array | Uint8Array)[];

  /** @throws ManifestMismatch */
  static async open(spec: ImageInput, inputs: TensorInfo[]): Promise<ImageEncoder> {
    const { default: sharp } = await import('sharp');
    return new ImageEncoder(new ImageReader(sharp, spec), spec, inputs);
  }

  private constructor(
    private readonly reader: ImageReader,
    private readonly spec: ImageInput,
    inputs: TensorInfo[],
  ) {
    const { width, height, layout, dtype, scale, mean, std } = spec;
    const channels = channelsOf(spec);
    const shapes = {
      flat: [height * width * channels],
      nchw: [channels, height, width],
      nhwc: [height, width, channels],
    };
    const tensor = findTensor(inputs, spec.tensor, 'input');
    this.shape = shapes[layout];
    requireDtype(tensor, dtype);
    requireShape(tensor, this.shape, 'an image of');
    this.tensor = tensor.name;
    const whole = { left: 0, top: 0, width, height };
    this.sample = {
      pixels: new Uint8Array(sizeOf(this.shape)),
      placement: { region: whole, target: whole },
    };
    this.levels = mean.map((shift, channel) => {
      if (dtype === 'uint8') return Uint8Array.from({ length: 256 }, (_, level) => level);
      const value = (_: unknown, level: number) => (level * scale - shift) / (std[channel] ?? 1);
      return Float32Array.from({ length: 256 }, value);
    });
  }

  /** @throws InstanceError */
  prepare(instance: unknown): Promise<PreparedImage> {
    return this.reader.read(instance as ImageInstance);
  }

  contextOf(prepared: unknown): InstanceContext {
    return { placement: (prepared as PreparedImage).placement };
  }

  encode(images: readonly unknown[], rows: number): Batch {
    const size = sizeOf(this.shape);
    const elements = rows * size;
    const data =
      this.spec.dtype === 'uint8' ? new Uint8Array(elements) : new Float32Array(elements);
    images.forEach((image, row) => {
      this.lay((image as PreparedImage).pixels, data.subarray(row * size, (row + 1) * size));
    });
    return { [this.tensor]: { data, shape: this.shape } };
  }

  private lay(pixels: PreparedImage['pixels'], into: Float32Array | Uint8Array): void {
    const { layout, channels } = this.spec;
    const { length: count } = this.levels;
    this.levels.forEach((levels, channel) => {
      let at = layout === 'nchw' ? (channel * pixels.length) / count : channel;
      const step = layout === 'nchw' ? 1 : count;
      const source = channels === 'bgr' ? 2 - channel : channel;
      for (let i = source; i < pixels.length; i += count) {
        into[at] = levels[pixels[i] ?? 0] ?? 0;
        at += step;
      }
    });
  }
}

import type { Enlarging } from './image.geometry.js';

/** A filter of Pillow: what a pixel weighs at a distance, and at which distance it weighs nothing any more. */
interface Filter {
  support: number;
  weight: (distance: number) => number;
}

/** `support` and curve of Pillow's filters of these names (`Resample.c`). */
export const FILTERS = {
  bilinear: { support: 1, weight: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Record<string, Filter>;

function cubic(distance: number): number {
  const x = Math.abs(distance);
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Pixels of a picture, row by row, channels next to each other. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: number;
}

/**
 * Enlarges a picture as Pillow does, first its lines, then its columns. libvips puts what it enlarges half a pixel
 * further to the upper left, which moves boxes and blurs small pictures in another way than the model has seen.
 */
export function enlarge(
  pixels: Pixels,
  filter: Filter,
  x: Enlarging | undefined,
  y: Enlarging | undefined,
): Pixels {
  let { data, width, height } = pixels;
  const { channels } = pixels;
  if (x) {
    // Every row of pixels is a block of lines, one for each channel.
    data = along(data, x, filter, { blocks: height, length: width, stride: channels });
    width = x.count;
  }
  if (y) {
    data = along(data, y, filter, { blocks: 1, length: height, stride: width * channels });
    height = y.count;
  }
  return { data, width, height, channels };
}

/** `blocks` blocks of `length` steps, each of `stride` values next to each other. */
interface Layout {
  blocks: number;
  length: number;
  stride: number;
}

function along(
  data: Pixels['data'],
  how: Enlarging,
  filter: Filter,
  { blocks, length, stride }: Layout,
): Uint8ClampedArray {
  const { count, offset } = how;
  const { starts, taps, weights } = tapsOf(how, filter);
  // Rounds, and keeps to 0 to 255.
  const into = new Uint8ClampedArray(blocks * count * stride);
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < count; i++) {
      const first = (block * length + (starts[i] ?? 0) - offset) * stride;
      for (let j = first; j < first + stride; j++) {
        let sum = 0;
        for (let k = 0; k < taps; k++) {
          sum += (weights[i * taps + k] ?? 0) * (data[j + k * stride] ?? 0);
        }
        into[at++] = sum;
      }
    }
  }
  return into;
}

/** Of each pixel that is wanted: the first one that has a say in it, and what that one and the next ones weigh. */
function tapsOf({ from, to, first, count }: Enlarging, { support, weight }: Filter) {
  const scale = from / to;
  const taps = 2 * support;
  const starts = new Int32Array(count);
  const weights = new Float64Array(count * taps);
  for (let i = 0; i < count; i++) {
    const center = (first + i + 0.5) * scale;
    const low = Math.max(0, Math.floor(center - support + 0.5));
    const high = Math.min(from, Math.floor(center + support + 0.5));
    starts[i] = low;
    const own = Array.from({ length: high - low }, (_, k) => weight(low + k - center + 0.5));
    // At an edge, and by rounding, they do not add up to 1.
    const total = own.reduce((sum, each) => sum + each, 0);
    own.forEach((each, k) => (weights[i * taps + k] = each / total));
  }
  return { starts, taps, weights };
}

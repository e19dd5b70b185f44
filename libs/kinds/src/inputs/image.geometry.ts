import type { Rectangle } from '../placement.js';
import type { ImageInput } from './image.settings.js';

type Size = Pick<Rectangle, 'width' | 'height'>;
type Fitting = Pick<ImageInput, 'width' | 'height' | 'fit' | 'shortest_side'>;

/**
 * Where a picture of a size goes in the graph's picture. `cover` is torchvision's `Resize` and `CenterCrop`, with
 * their rounding; `contain` the letterbox of YOLO.
 */
export function targetOf(spec: Fitting, size: Size): Rectangle {
  const { width, height } = spec;
  switch (spec.fit) {
    case 'fill':
      return { left: 0, top: 0, width, height };
    case 'contain': {
      const scale = Math.min(width / size.width, height / size.height);
      const inner = {
        width: Math.max(1, Math.round(size.width * scale)),
        height: Math.max(1, Math.round(size.height * scale)),
      };
      return {
        ...inner,
        left: Math.floor((width - inner.width) / 2),
        top: Math.floor((height - inner.height) / 2),
      };
    }
    case 'cover': {
      const outer = covering(spec, size);
      return {
        ...outer,
        left: -halved(outer.width - width),
        top: -halved(outer.height - height),
      };
    }
  }
}

function covering({ width, height, shortest_side: side }: Fitting, size: Size): Size {
  const narrow =
    side === undefined ? width * size.height >= height * size.width : size.width <= size.height;
  if (narrow) {
    const fixed = side ?? width;
    return {
      width: fixed,
      height: Math.max(height, Math.floor((fixed * size.height) / size.width)),
    };
  }
  const fixed = side ?? height;
  return { height: fixed, width: Math.max(width, Math.floor((fixed * size.width) / size.height)) };
}

/** Half of it, a half pixel to the even side, as Python rounds. */
function halved(pixels: number): number {
  const half = Math.floor(pixels / 2);
  return pixels % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}

/** How one axis of a picture is resized: which part is decoded, shrunk to what, and which part of that is kept. */
export interface AxisPlan {
  /** Of the upright original. */
  start: number;
  length: number;
  /** What that is shrunk to; the same where it is not. */
  shrunk: number;
  /** What of that is kept. */
  first: number;
  count: number;
  /** Where it has to grow: how, see `Enlarging`. */
  enlarged?: Enlarging | undefined;
}

/** A line of `from` pixels becomes one of `to`, of which `count` are wanted, from `first` on. */
export interface Enlarging {
  from: number;
  to: number;
  first: number;
  count: number;
  /** What is there of the line begins here. */
  offset: number;
}

/**
 * @param region where it lies in the original. @param target where it goes. @param canvas of the graph's picture.
 * @param support pixels on each side of a place that have a say in what comes there.
 */
export function planAxis(
  region: { start: number; length: number },
  target: { start: number; length: number },
  canvas: number,
  support: number,
): AxisPlan {
  const first = Math.max(0, -target.start);
  const count = Math.min(target.length, canvas - target.start) - first;
  if (target.length < region.length) {
    return { ...region, shrunk: target.length, first, count };
  }
  // Not all of the line: what is cut off of a very long and narrow picture would not fit into memory.
  const scale = region.length / target.length;
  const grows = target.length > region.length;
  const margin = grows ? support + 1 : 0;
  const start = Math.max(0, Math.floor(first * scale) - margin);
  const end = Math.min(region.length, Math.ceil((first + count) * scale) + margin);
  const length = end - start;
  const line = { start: region.start + start, length, shrunk: length, first: 0, count: length };
  if (!grows) return line;
  const enlarged = { from: region.length, to: target.length, first, count, offset: start };
  return { ...line, enlarged };
}

import { InstanceError, ManifestMismatch } from '../errors.js';
import type { InstanceContext } from '../input-kind.js';
import type { CallParameters, OutputDecoder } from '../output-kind.js';
import type { Placement } from '../placement.js';
import type { Batch } from '../tensors.js';
import type { DetectionOutput } from './detection.schema.js';
import type { DetectionTensors } from './detection.tensors.js';
import { type Box, suppress } from './non-maximum-suppression.js';
import { round } from './rounding.js';

/** Of a pixel: more says nothing. */
const BOX_DECIMALS = 2;

/** The size of the graph's picture, in pixels. */
export interface CanvasSize {
  width: number;
  height: number;
}

/** What a call may say. */
interface DetectionParameters {
  score_threshold?: number;
  iou_threshold?: number;
  max_detections?: number;
}

/** Boxes and scores → what was found, best first, after non-maximum suppression within each label. */
export class DetectionDecoder implements OutputDecoder {
  readonly tensors: readonly string[];
  /** As they stand in JSON. */
  private readonly labels: readonly string[];
  private readonly background: string | undefined;

  constructor(
    private readonly spec: DetectionOutput,
    private readonly source: DetectionTensors,
    private readonly canvas: CanvasSize,
  ) {
    this.tensors = source.names;
    this.labels = spec.labels.map((label) => JSON.stringify(label));
    this.background = spec.background_label && JSON.stringify(spec.background_label);
  }

  decode(
    outputs: Batch,
    row: number,
    parameters: CallParameters,
    { placement = wholeCanvas(this.canvas) }: InstanceContext = {},
  ): string {
    const { spec, source } = this;
    const {
      score_threshold: least = spec.score_threshold,
      iou_threshold: overlap = spec.iou_threshold,
      max_detections: most = spec.max_detections,
    } = parameters as DetectionParameters;
    const found = source.read(outputs, row);
    const boxes: Box[] = [];
    for (let i = 0; i < found.count; i++) {
      const { label, score } = found.best(i);
      if (score < least || this.nameOf(label) === this.background) continue;
      const corners = this.cornersOf((which) => found.corner(i, which));
      const box = { label, score, ...inOriginal(corners, placement) };
      // Nothing of it is in the picture.
      if (box.x0 < box.x1 && box.y0 < box.y1) boxes.push(box);
    }
    const kept = suppress(boxes, overlap, most);
    return `{"detections":[${kept.map((box) => this.entry(box)).join(',')}]}`;
  }

  /** In pixels of the graph's picture. */
  private cornersOf(value: (which: number) => number): Corners {
    const { box_format: format, box_units: units } = this.spec;
    const [width, height] = units === 'relative' ? [this.canvas.width, this.canvas.height] : [1, 1];
    const [a, b, c, d] = [value(0) * width, value(1) * height, value(2) * width, value(3) * height];
    if (!Number.isFinite(a + b + c + d)) {
      throw new InstanceError('the model gave boxes that are not finite numbers');
    }
    switch (format) {
      case 'xyxy':
        return { x0: a, y0: b, x1: c, y1: d };
      case 'xywh':
        return { x0: a, y0: b, x1: a + c, y1: b + d };
      case 'cxcywh':
        return { x0: a - c / 2, y0: b - d / 2, x1: a + c / 2, y1: b + d / 2 };
    }
  }

  private nameOf(label: number): string {
    const name = this.labels[label];
    if (name !== undefined) return name;
    const count = String(this.labels.length);
    throw new ManifestMismatch(
      `model.yaml has ${count} labels, but the graph gave the label ${String(label)}`,
    );
  }

  private entry({ label, score, x0, y0, x1, y1 }: Box): string {
    const [left, top] = [round(x0, BOX_DECIMALS), round(y0, BOX_DECIMALS)];
    // So that its edges, too, are what they are when they are rounded.
    const width = round(round(x1, BOX_DECIMALS) - left, BOX_DECIMALS);
    const height = round(round(y1, BOX_DECIMALS) - top, BOX_DECIMALS);
    const box = [left, top, width, height].join(',');
    return `{"label":${this.nameOf(label)},"score":${String(round(score, this.spec.decimals))},"box":[${box}]}`;
  }
}

type Corners = Pick<Box, 'x0' | 'y0' | 'x1' | 'y1'>;

/** Back through resizing, borders and crop to the picture as it was sent, upright; cut off at its edges. */
function inOriginal({ x0, y0, x1, y1 }: Corners, { region, target }: Placement): Corners {
  const across = region.width / target.width;
  const down = region.height / target.height;
  const x = (value: number) =>
    region.left + Math.min(Math.max((value - target.left) * across, 0), region.width);
  const y = (value: number) =>
    region.top + Math.min(Math.max((value - target.top) * down, 0), region.height);
  return { x0: x(x0), y0: y(y0), x1: x(x1), y1: y(y1) };
}

function wholeCanvas({ width, height }: CanvasSize): Placement {
  const whole = { left: 0, top: 0, width, height };
  return { region: whole, target: whole };
}

import type { TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { type Batch, sizeOf, type TensorData } from '../tensors.js';
import type { DetectionOutput } from './detection.schema.js';

/** What a graph gave for one instance. */
export interface Found {
  count: number;
  /** One of the four numbers of a box, in the order of `box_format`. */
  corner: (box: number, which: number) => number;
  /** The place of its best label, and its score. @throws InstanceError where that is not a finite number. */
  best: (box: number) => { label: number; score: number };
}

/** How the boxes and scores of a row are read: of one tensor, or of several. */
export interface DetectionTensors {
  names: readonly string[];
  read: (outputs: Batch, row: number) => Found;
}

/** @throws ManifestMismatch */
export function detectionTensors(spec: DetectionOutput, outputs: TensorInfo[]): DetectionTensors {
  return spec.boxes_tensor === undefined ? together(spec, outputs) : apart(spec, outputs);
}

function together(spec: DetectionOutput, outputs: TensorInfo[]): DetectionTensors {
  const { transposed, objectness, labels } = spec;
  const tensor = findTensor(outputs, spec.tensor, 'output');
  const before = objectness ? 5 : 4;
  const width = before + labels.length;
  requireWidth(tensor, tensor.shape.at(transposed ? -2 : -1), width);
  return {
    names: [tensor.name],
    read(batch, row) {
      const { data, size } = partOf(batch, tensor.name);
      if (size % width !== 0) requireWidth(tensor, size, width);
      const count = size / width;
      const [perBox, perValue] = transposed ? [1, count] : [width, 1];
      const value = (box: number, which: number) =>
        Number(data[row * size + box * perBox + which * perValue]);
      const score = bestOf(spec, (box, label) => value(box, before + label));
      return {
        count,
        corner: value,
        best(box) {
          const found = score(box);
          return objectness
            ? { ...found, score: found.score * activated(spec, value(box, 4)) }
            : found;
        },
      };
    },
  };
}

function apart(spec: DetectionOutput, outputs: TensorInfo[]): DetectionTensors {
  const boxes = findTensor(outputs, spec.boxes_tensor, 'output');
  const scores = findTensor(outputs, spec.scores_tensor, 'output');
  const labels =
    spec.labels_tensor === undefined
      ? undefined
      : findTensor(outputs, spec.labels_tensor, 'output');
  requireWidth(boxes, boxes.shape.at(-1), 4);
  const width = labels ? 1 : spec.labels.length;
  if (!labels) requireWidth(scores, scores.shape.at(-1), width);
  return {
    names: [boxes, scores, ...(labels ? [labels] : [])].map(({ name }) => name),
    read(batch, row) {
      const corners = partOf(batch, boxes.name);
      const given = partOf(batch, scores.name);
      const count = corners.size / 4;
      if (given.size !== count * width) requireWidth(scores, given.size, count * width);
      const scoreOf = (box: number, label: number) =>
        Number(given.data[row * given.size + box * width + label]);
      const classes = labels && partOf(batch, labels.name);
      return {
        count,
        corner: (box, which) => Number(corners.data[row * corners.size + box * 4 + which]),
        best: classes
          ? (box) => ({
              label: Number(classes.data[row * classes.size + box]),
              score: finite(activated(spec, scoreOf(box, 0))),
            })
          : bestOf(spec, scoreOf),
      };
    },
  };
}

/** The best label of a box that has a score for each. */
function bestOf(
  { labels, activation, background_label: background }: DetectionOutput,
  raw: (box: number, label: number) => number,
): Found['best'] {
  const none = background === undefined ? -1 : labels.indexOf(background);
  const { length } = labels;
  return (box) => {
    let [label, highest] = [-1, -Infinity];
    for (let i = 0; i < length; i++) {
      const score = raw(box, i);
      // NaN is told, once it is found.
      if (i !== none && (score > highest || Number.isNaN(score))) [label, highest] = [i, score];
    }
    if (activation !== 'softmax')
      return { label, score: finite(activated({ activation }, highest)) };
    let sum = 0;
    for (let i = 0; i < length; i++) sum += Math.exp(raw(box, i) - highest);
    return { label, score: finite(1 / sum) };
  };
}

function activated({ activation }: Pick<DetectionOutput, 'activation'>, score: number): number {
  return activation === 'sigmoid' ? 1 / (1 + Math.exp(-score)) : score;
}

function finite(score: number): number {
  if (Number.isFinite(score)) return score;
  throw new InstanceError('the model gave scores that are not finite numbers');
}

function partOf(batch: Batch, name: string): { data: TensorData | []; size: number } {
  const rows = batch[name];
  return { data: rows?.data ?? [], size: sizeOf(rows?.shape ?? [0]) };
}

/** @param actual none, where only a run tells. @throws ManifestMismatch */
function requireWidth(
  tensor: TensorInfo,
  actual: number | string | undefined,
  width: number,
): void {
  if (typeof actual === 'string' || actual === width) return;
  throw new ManifestMismatch(
    `model.yaml needs ${String(width)} numbers of the graph's ${tensor.name}, which has [${tensor.shape.join(', ')}]`,
  );
}

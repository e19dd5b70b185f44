import { describe, expect, it } from '@jest/globals';
import type { TensorInfo, VersionDescription } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import type { CallParameters } from '../output-kind.js';
import type { Placement } from '../placement.js';
import type { Batch } from '../tensors.js';
import { detection } from './detection.output.js';
import { detectionOutput } from './detection.schema.js';

const LABELS = ['cat', 'dog'];
const info = (name: string, ...shape: (number | string)[]): TensorInfo => ({
  name,
  dtype: 'float32',
  shape,
});
const TOGETHER = [info('y', 'N', 'B', 6)];
const APART = [info('boxes', 'N', 'B', 4), info('scores', 'N', 'B', 2)];

function decoder(spec: object = {}, outputs: TensorInfo[] = TOGETHER, kind = 'image') {
  const plain = { kind: 'detection', box_format: 'xyxy', labels: LABELS };
  const output = detectionOutput.parse({ ...plain, ...spec });
  const version = { input: { kind, width: 100, height: 50 }, output } as unknown;
  return detection.openDecoder(version as VersionDescription & { output: typeof output }, outputs);
}

interface Detection {
  label: string;
  score: number;
  box: number[];
}

/** Of a batch of two rows, of which this is the second. */
function decode(
  sut: ReturnType<typeof decoder>,
  tensors: Record<string, number[][]>,
  parameters: CallParameters = {},
  placement?: Placement,
): Detection[] {
  const batch: Batch = {};
  for (const [name, rows] of Object.entries(tensors)) {
    const values = rows.flat();
    const data = Float32Array.from([...values.map(() => 0.5), ...values]);
    batch[name] = { data, shape: [rows.length, rows[0]?.length ?? 0] };
  }
  const { detections } = JSON.parse(
    sut.decode(batch, 1, parameters, placement && { placement }),
  ) as { detections: Detection[] };
  return detections;
}

describe('detection', () => {
  it.each([
    ['xyxy', [10, 20, 40, 30]],
    ['xywh', [10, 20, 30, 10]],
    ['cxcywh', [25, 25, 30, 10]],
  ])('reads boxes as %s', (box_format, box) => {
    const found = decode(decoder({ box_format }), { y: [[...box, 0.1, 0.9]] });
    expect(found).toEqual([{ label: 'dog', score: 0.9, box: [10, 20, 30, 10] }]);
    const share = box.map((value, i) => value / (i % 2 === 0 ? 100 : 50));
    const relative = decoder({ box_format, box_units: 'relative' });
    expect(decode(relative, { y: [[...share, 0.1, 0.9]] })).toEqual(found);
  });

  it('reads boxes and scores that stand below each other', () => {
    const sut = decoder({ transposed: true }, [info('y', 'N', 6, 'B')]);
    const columns = [
      [0, 50],
      [0, 0],
      [10, 60],
      [10, 10],
      [0.9, 0.2],
      [0.1, 0.8],
    ];
    expect(decode(sut, { y: columns })).toEqual([
      { label: 'cat', score: 0.9, box: [0, 0, 10, 10] },
      { label: 'dog', score: 0.8, box: [50, 0, 10, 10] },
    ]);
  });

  it('multiplies with the chance that there is anything', () => {
    const sut = decoder({ objectness: true }, [info('y', 'N', 'B', 7)]);
    expect(decode(sut, { y: [[0, 0, 10, 10, 0.5, 0.2, 0.8]] })).toMatchObject([
      { label: 'dog', score: 0.4 },
    ]);
  });

  it('reads boxes and scores of two tensors, and labels of a third', () => {
    const names = { boxes_tensor: 'boxes', scores_tensor: 'scores' };
    const boxes = [
      [0, 0, 10, 10],
      [50, 0, 60, 10],
    ];
    const scores = [
      [0.1, 0.8],
      [0.9, 0.1],
    ];
    const found = [
      { label: 'cat', score: 0.9, box: [50, 0, 10, 10] },
      { label: 'dog', score: 0.8, box: [0, 0, 10, 10] },
    ];
    expect(decode(decoder(names, APART), { boxes, scores })).toEqual(found);
    const outputs = [
      info('boxes', 'N', 'B', 4),
      info('scores', 'N', 'B'),
      info('classes', 'N', 'B'),
    ];
    const sut = decoder({ ...names, labels_tensor: 'classes' }, outputs);
    expect(decode(sut, { boxes, scores: [[0.8, 0.9]], classes: [[1, 0]] })).toEqual(found);
    const unknown = { boxes, scores: [[0.8, 0.9]], classes: [[1, 7]] };
    expect(() => decode(sut, unknown)).toThrow('the graph gave the label 7');
    // What fills up the list is below the threshold.
    expect(decode(sut, { boxes, scores: [[0.8, 0]], classes: [[1, -1]] })).toHaveLength(1);
  });

  it('makes scores of logits, and says nothing of the background', () => {
    const outputs = [info('boxes', 'N', 'B', 4), info('scores', 'N', 'B', 3)];
    const names = { boxes_tensor: 'boxes', scores_tensor: 'scores' };
    const boxes = [[0, 0, 10, 10]];
    const softmax = decoder(
      {
        ...names,
        labels: [...LABELS, 'nothing'],
        background_label: 'nothing',
        activation: 'softmax',
      },
      outputs,
    );
    const [exp1, exp2, exp3] = [Math.exp(1), Math.exp(2), Math.exp(2.5)];
    expect(decode(softmax, { boxes, scores: [[1, 2, 2.5]] })).toMatchObject([
      { label: 'dog', score: Number((exp2 / (exp1 + exp2 + exp3)).toFixed(4)) },
    ]);
    const sigmoid = decoder({ ...names, activation: 'sigmoid' }, APART);
    expect(decode(sigmoid, { boxes, scores: [[0, -9]] })).toMatchObject([{ score: 0.5 }]);
  });

  it('keeps the best of the boxes of a label that cover each other, and those of other labels', () => {
    const y = [
      [0, 0, 10, 10, 0.6, 0],
      [1, 0, 11, 10, 0.9, 0],
      [0, 0, 10, 10, 0, 0.7],
      [6, 0, 16, 10, 0.5, 0],
      [50, 0, 60, 10, 0.2, 0],
    ];
    const summary = (found: Detection[]) => found.map(({ label, score }) => [label, score]);
    const three = [
      ['cat', 0.9],
      ['dog', 0.7],
      ['cat', 0.5],
    ];
    const sut = decoder();
    expect(summary(decode(sut, { y }))).toEqual(three);
    expect(summary(decode(sut, { y }, { iou_threshold: 0.3 }))).toEqual(three.slice(0, 2));
    expect(summary(decode(sut, { y }, { iou_threshold: 1 }))).toHaveLength(4);
    expect(summary(decode(sut, { y }, { score_threshold: 0.2 }))).toHaveLength(4);
    expect(summary(decode(sut, { y }, { score_threshold: 0.8 }))).toEqual(three.slice(0, 1));
    expect(summary(decode(sut, { y }, { max_detections: 2 }))).toEqual(three.slice(0, 2));
    const strict = decoder({ score_threshold: 0.65, max_detections: 1 });
    expect(summary(decode(strict, { y }))).toEqual(three.slice(0, 1));
  });

  it('leads back to the pixels of the original, through crop, resizing and borders', () => {
    // 400 × 100 pixels from (30, 20) on, in the middle of a letterbox of 100 × 50.
    const placement = {
      region: { left: 30, top: 20, width: 400, height: 100 },
      target: { left: 0, top: 12, width: 100, height: 25 },
    };
    const y = [
      [25, 17, 50, 27, 0.9, 0],
      [-10, 0, 10, 17, 0.8, 0],
      [90, 30, 130, 50, 0.7, 0],
      [20, 0, 60, 11, 0.6, 0],
    ];
    expect(decode(decoder(), { y }, {}, placement).map(({ box }) => box)).toEqual([
      [130, 40, 100, 40],
      [30, 20, 40, 20],
      [390, 92, 40, 28],
    ]);
  });

  it('leads back from a picture whose sides were cut off', () => {
    const placement = {
      region: { left: 0, top: 0, width: 400, height: 100 },
      target: { left: -50, top: -10, width: 200, height: 50 },
    };
    const y = [[0, 0, 50, 20, 0.9, 0]];
    const [found] = decode(decoder(), { y }, {}, placement);
    expect(found?.box).toEqual([100, 20, 100, 40]);
  });

  it('rounds edges, so that a box ends where it does', () => {
    const y = [[10.004, 20.006, 20.0079, 20.0141, 0.123456, 0]];
    const [found] = decode(decoder({ score_threshold: 0 }), { y });
    expect(found).toEqual({ label: 'cat', score: 0.1235, box: [10, 20.01, 10.01, 0] });
  });

  it('finds nothing where there is nothing', () => {
    const sut = decoder();
    expect(decode(sut, { y: [[0, 0, 10, 10, 0, 0]] })).toEqual([]);
    const empty = { y: { data: new Float32Array(), shape: [0, 6] } };
    expect(sut.decode(empty, 0, {})).toBe('{"detections":[]}');
  });

  it.each([
    [[0, 0, 10, 10, NaN, 0.1]],
    [[0, 0, 10, 10, 0.1, NaN]],
    [[0, 0, 10, 10, Infinity, 0]],
    [[NaN, 0, 10, 10, 0.9, 0]],
    [[0, 0, Infinity, 10, 0.9, 0]],
  ])('cannot say anything of %p', (row) => {
    expect(() => decode(decoder(), { y: [row] })).toThrow(InstanceError);
  });

  it.each<[string, () => unknown]>([
    ['other labels', () => decoder({}, [info('y', 'N', 'B', 7)])],
    ['boxes in columns', () => decoder({ transposed: true }, [info('y', 'N', 8, 6)])],
    ['several tensors', () => decoder({}, APART)],
    [
      'boxes of five numbers',
      () =>
        decoder({ boxes_tensor: 'boxes', scores_tensor: 'scores' }, [
          info('boxes', 'N', 'B', 5),
          info('scores', 'N', 'B', 2),
        ]),
    ],
    ['another kind of input', () => decoder({}, TOGETHER, 'tensor')],
    [
      'another width, which only a run shows',
      () => decode(decoder({}, [info('y', 'N', 'B', 'C')]), { y: [[1, 2, 3, 4, 5]] }),
    ],
  ])('does not fit a graph with %s', (_name, open) => {
    expect(open).toThrow(ManifestMismatch);
  });

  it.each([
    [{ labels: undefined }, 'labels'],
    [{ labels_file: ['a'] }, 'labels'],
    [{ background_label: 'bird' }, 'background_label'],
    [{ boxes_tensor: 'a' }, 'boxes_tensor'],
    [{ labels_tensor: 'a' }, 'labels_tensor'],
    [{ tensor: 'y', boxes_tensor: 'a', scores_tensor: 'b' }, 'tensor'],
    [{ transposed: true, boxes_tensor: 'a', scores_tensor: 'b' }, 'transposed'],
    [{ score_threshold: 1.5 }, 'score_threshold'],
    [{ box_format: 'yxyx' }, 'box_format'],
  ])('of a manifest refuses %p', (change, field) => {
    const plain = { kind: 'detection', box_format: 'xyxy', labels: LABELS };
    const { error } = detectionOutput.safeParse({ ...plain, ...change });
    expect(error?.issues[0]?.path[0]).toBe(field);
  });
});

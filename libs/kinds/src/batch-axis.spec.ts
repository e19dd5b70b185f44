import { describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import { type BatchAxis, batchAxisOf, instanceShape, maxRowsOf } from './batch-axis.js';

const tensors = (...shapes: TensorInfo['shape'][]): TensorInfo[] =>
  shapes.map((shape, i) => ({ name: `t${String(i)}`, dtype: 'float32', shape }));

const dynamic: BatchAxis = { kind: 'dynamic' };
const none: BatchAxis = { kind: 'none' };
const fixed = (rows: number): BatchAxis => ({ kind: 'fixed', rows });

describe('batchAxisOf', () => {
  it.each<[string, TensorInfo['shape'][], TensorInfo['shape'][], number, BatchAxis]>([
    ['a symbolic first dimension', [['N', 4]], [['N', 3]], 64, dynamic],
    ['a symbolic one of each input', [['N', 4], ['M']], [['N']], 64, dynamic],
    ['one input that has none', [['N', 4], [4]], [['N']], 64, none],
    ['a first dimension of 1 everywhere', [[1, 4]], [[1, 3]], 64, fixed(1)],
    [
      'a first dimension of 8 everywhere',
      [
        [8, 4],
        [8, 1],
      ],
      [[8, 3], [8]],
      64,
      fixed(8),
    ],
    ['one that is larger than the cap', [[8, 4]], [[8, 3]], 2, fixed(8)],
    ['an output without that 1', [[1, 4]], [[3]], 64, none],
    ['an output with another one', [[8, 4]], [[4, 8]], 64, none],
    ['an output with a symbolic one', [[8, 4]], [['N', 3]], 64, none],
    [
      'inputs with two of them',
      [
        [8, 4],
        [4, 4],
      ],
      [[8, 3]],
      64,
      none,
    ],
    ['only that 1', [[1]], [[1]], 64, none],
    ['only that 3', [[3]], [[3]], 64, none],
    ['a scalar', [[]], [[]], 64, none],
    ['no input', [], [[3]], 64, none],
    ['a manifest that says 0', [['N', 4]], [['N', 3]], 0, none],
    ['a manifest that says 0 of a fixed one', [[8, 4]], [[8, 3]], 0, none],
  ])('of a graph with %s', (_, inputs, outputs, maxBatchSize, axis) => {
    const graph = { inputs: tensors(...inputs), outputs: tensors(...outputs) };
    expect(batchAxisOf(graph, maxBatchSize)).toEqual(axis);
  });

  it('is not part of an instance', () => {
    const [tensor] = tensors(['N', 4, 'T']);
    if (!tensor) throw new Error('no tensor');
    expect(instanceShape(tensor, dynamic)).toEqual([4, 'T']);
    expect(instanceShape(tensor, fixed(1))).toEqual([4, 'T']);
    expect(instanceShape(tensor, none)).toEqual(['N', 4, 'T']);
  });

  it.each<[BatchAxis, number, number]>([
    [dynamic, 64, 64],
    [fixed(8), 64, 8],
    [fixed(8), 2, 2],
    [none, 64, 1],
  ])('of %j with a cap of %d bears %d rows', (axis, cap, rows) => {
    expect(maxRowsOf(axis, cap)).toBe(rows);
  });
});

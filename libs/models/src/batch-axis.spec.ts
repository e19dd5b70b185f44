import { describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import { batchAxisOf, instanceShape } from './batch-axis.js';

const tensors = (...shapes: TensorInfo['shape'][]): TensorInfo[] =>
  shapes.map((shape, i) => ({ name: `t${String(i)}`, dtype: 'float32', shape }));

describe('batchAxisOf', () => {
  it.each<[string, TensorInfo['shape'][], TensorInfo['shape'][], number, string]>([
    ['a symbolic first dimension', [['N', 4]], [['N', 3]], 64, 'dynamic'],
    ['a symbolic one of each input', [['N', 4], ['M']], [['N']], 64, 'dynamic'],
    ['one input that has none', [['N', 4], [4]], [['N']], 64, 'none'],
    ['a first dimension of 1 everywhere', [[1, 4]], [[1, 3]], 64, 'one'],
    ['an output without that 1', [[1, 4]], [[3]], 64, 'none'],
    ['only that 1', [[1]], [[1]], 64, 'none'],
    ['another fixed first dimension', [[8, 4]], [[8, 3]], 64, 'none'],
    ['a scalar', [[]], [[]], 64, 'none'],
    ['no input', [], [[3]], 64, 'none'],
    ['a manifest that says 0', [['N', 4]], [['N', 3]], 0, 'none'],
  ])('of a graph with %s', (_, inputs, outputs, maxBatchSize, axis) => {
    const graph = { inputs: tensors(...inputs), outputs: tensors(...outputs) };
    expect(batchAxisOf(graph, maxBatchSize)).toBe(axis);
  });

  it('is not part of an instance', () => {
    const [tensor] = tensors(['N', 4, 'T']);
    if (!tensor) throw new Error('no tensor');
    expect(instanceShape(tensor, 'dynamic')).toEqual([4, 'T']);
    expect(instanceShape(tensor, 'one')).toEqual([4, 'T']);
    expect(instanceShape(tensor, 'none')).toEqual(['N', 4, 'T']);
  });
});

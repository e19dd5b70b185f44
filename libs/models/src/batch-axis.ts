import type { TensorInfo } from '#libs/contracts';

/**
 * Where instances go in a graph's tensors.
 * - `dynamic`: the first dimension of every input is symbolic: instances are rows of a batch.
 * - `one`: the first dimension of every input and output is 1: an instance is the rest, run singly.
 * - `none`: an instance is the whole tensor, run singly.
 */
export type BatchAxis = 'dynamic' | 'one' | 'none';

/** @param maxBatchSize 0 says that the graph has no batch dimension, whatever it looks like. */
export function batchAxisOf(
  tensors: { inputs: TensorInfo[]; outputs: TensorInfo[] },
  maxBatchSize: number,
): BatchAxis {
  if (maxBatchSize === 0 || tensors.inputs.length === 0) return 'none';
  if (tensors.inputs.every(({ shape }) => typeof shape[0] === 'string')) return 'dynamic';
  const all = [...tensors.inputs, ...tensors.outputs];
  return all.every(({ shape }) => shape.length > 1 && shape[0] === 1) ? 'one' : 'none';
}

/** Shape of one instance of a tensor. */
export function instanceShape(tensor: TensorInfo, axis: BatchAxis): (number | string)[] {
  return axis === 'none' ? tensor.shape : tensor.shape.slice(1);
}

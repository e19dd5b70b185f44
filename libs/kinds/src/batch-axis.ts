import type { TensorInfo, VersionDescription } from '#libs/contracts';

/**
 * Where instances go in a graph's tensors.
 * - `dynamic`: the first dimension of every input is symbolic: instances are rows of a batch.
 * - `fixed`: the first dimension of every input and output is `rows`, no more and no fewer: instances
 *   are rows, and a run that has fewer is filled up.
 * - `none`: an instance is the whole tensor, run singly.
 */
export type BatchAxis = { kind: 'dynamic' } | { kind: 'fixed'; rows: number } | { kind: 'none' };

/** @param maxBatchSize 0 says that the graph has no batch dimension, whatever it looks like. */
export function batchAxisOf(
  tensors: { inputs: TensorInfo[]; outputs: TensorInfo[] },
  maxBatchSize: number,
): BatchAxis {
  const { inputs, outputs } = tensors;
  const rows = inputs[0]?.shape[0];
  if (maxBatchSize === 0 || rows === undefined) return { kind: 'none' };
  if (inputs.every(({ shape }) => typeof shape[0] === 'string')) return { kind: 'dynamic' };
  const fixed =
    typeof rows === 'number' &&
    [...inputs, ...outputs].every(({ shape }) => shape[0] === rows) &&
    // A vector of so many numbers is more likely one instance than as many single numbers.
    inputs.every(({ shape }) => shape.length > 1);
  return fixed ? { kind: 'fixed', rows } : { kind: 'none' };
}

/** Most rows of one run. */
export function maxRowsOf(axis: BatchAxis, maxBatchSize: number): number {
  switch (axis.kind) {
    case 'dynamic':
      return maxBatchSize;
    case 'fixed':
      return Math.min(axis.rows, maxBatchSize);
    case 'none':
      return 1;
  }
}

/** Most rows of one run of a version; 1 while its graph is not known. */
export function rowsPerRunOf({ tensors, batching }: VersionDescription): number {
  const { max_batch_size: maxBatchSize } = batching;
  return tensors ? maxRowsOf(batchAxisOf(tensors, maxBatchSize), maxBatchSize) : 1;
}

/** Shape of one instance of a tensor. */
export function instanceShape(tensor: TensorInfo, axis: BatchAxis): (number | string)[] {
  return axis.kind === 'none' ? tensor.shape : tensor.shape.slice(1);
}

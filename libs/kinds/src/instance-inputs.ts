import type { TensorInfo, VersionDescription } from '#libs/contracts';
import { batchAxisOf, instanceShape } from './batch-axis.js';

/**
 * What callers of a raw graph send: its inputs without the mask of its padding, their shapes those of
 * one instance. Empty while the graph is not known.
 */
export function instanceInputs({ tensors, batching }: VersionDescription): TensorInfo[] {
  if (!tensors) return [];
  const axis = batchAxisOf(tensors, batching.max_batch_size);
  return tensors.inputs
    .filter(({ name }) => name !== batching.padding?.mask)
    .map((tensor) => ({ ...tensor, shape: instanceShape(tensor, axis) }));
}

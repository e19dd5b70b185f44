import type { TensorInfo } from '#libs/contracts';
import { ManifestMismatch } from './errors.js';

/**
 * The tensor that a manifest means: the one it names, or the only one there is.
 * @param direction for the message: `input` or `output`.
 */
export function findTensor(
  tensors: TensorInfo[],
  name: string | undefined,
  direction: 'input' | 'output',
): TensorInfo {
  const [only, ...others] = name === undefined ? tensors : tensors.filter((t) => t.name === name);
  if (only && others.length === 0) return only;
  const names = tensors.map((t) => t.name).join(', ');
  throw new ManifestMismatch(
    name === undefined
      ? `model.yaml must name the ${direction} tensor: the graph has ${names}`
      : `model.yaml names the ${direction} tensor ${name}, but the graph has ${names}`,
  );
}

/** @throws ManifestMismatch where a graph's tensor cannot hold blocks of this shape. */
export function requireShape(tensor: TensorInfo, expected: readonly number[], what: string): void {
  const actual = tensor.shape.slice(1);
  const fits =
    actual.length === expected.length &&
    actual.every((size, i) => typeof size === 'string' || size === expected[i]);
  if (fits) return;
  throw new ManifestMismatch(
    `model.yaml gives ${what} [${expected.join(', ')}], but the graph's ${tensor.name} has [${tensor.shape.join(', ')}]`,
  );
}

/** Kinds that compute floats need a float tensor to put them in. */
export function requireFloat32(tensor: TensorInfo): void {
  if (tensor.dtype === 'float32') return;
  throw new ManifestMismatch(
    `the graph's ${tensor.name} is ${tensor.dtype}, and float32 is needed`,
  );
}

import type { Dtype, TensorInfo, VersionDescription } from '#libs/contracts';
import { batchAxisOf, instanceShape } from './batch-axis.js';
import { ManifestMismatch } from './errors.js';
import { variableDimensions } from './inputs/shape-signature.js';
import { instanceInputs } from './instance-inputs.js';
import { allocate } from './tensors.js';

const MASK_DTYPES: readonly Dtype[] = ['int64', 'int32', 'float32', 'bool'];

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

/** Kinds that compute floats need a float tensor to put them in. @throws ManifestMismatch */
export function requireFloat32(tensor: TensorInfo): void {
  requireDtype(tensor, 'float32');
}

/** @param dtype of what a kind makes. @throws ManifestMismatch where a graph's tensor holds something else. */
export function requireDtype(tensor: TensorInfo, dtype: Dtype): void {
  if (tensor.dtype === dtype) return;
  throw new ManifestMismatch(
    `the graph's ${tensor.name} is ${tensor.dtype}, and ${dtype} is needed`,
  );
}

/** For kinds that give one input: what the graph takes besides would stay empty. @throws ManifestMismatch */
export function requireOnly<E extends { tensor: string }>(encoder: E, inputs: TensorInfo[]): E {
  const other = inputs.find(({ name }) => name !== encoder.tensor);
  if (!other) return encoder;
  throw new ManifestMismatch(
    `model.yaml gives the input ${encoder.tensor}, but the graph also needs ${other.name}`,
  );
}

/** @throws ManifestMismatch where `batching.padding` has nothing to fill, or a mask that cannot be made. */
export function requirePaddable(version: VersionDescription): void {
  const { padding, max_batch_size: maxBatchSize } = version.batching;
  if (!padding) return;
  const variable = variableDimensions(version).map(({ symbol }) => symbol);
  if (variable.length === 0) {
    throw new ManifestMismatch(
      'model.yaml has batching.padding, but instances have no variable dimension to fill up',
    );
  }
  for (const { name, dtype, shape } of instanceInputs(version)) {
    const filled = shape.some((size) => typeof size === 'string');
    if (!filled || canHold(dtype, padding.value)) continue;
    throw new ManifestMismatch(
      `the padding value ${String(padding.value)} does not fit the graph's ${name}, which is ${dtype}`,
    );
  }
  const { tensors } = version;
  if (padding.mask === undefined || !tensors) return;
  const mask = findTensor(tensors.inputs, padding.mask, 'input');
  if (!MASK_DTYPES.includes(mask.dtype)) {
    throw new ManifestMismatch(
      `the mask ${mask.name} is ${mask.dtype}, and must be one of ${MASK_DTYPES.join(', ')}`,
    );
  }
  const open = instanceShape(mask, batchAxisOf(tensors, maxBatchSize)).filter(
    (size) => typeof size === 'string',
  );
  if (open.length > 0 && open.every((symbol) => variable.includes(symbol))) return;
  throw new ManifestMismatch(
    `the mask ${mask.name} has [${mask.shape.join(', ')}]: its variable dimensions must be those of another input`,
  );
}

/** Floats round, and what is not a number takes no value at all; an integer must come back as it was. */
function canHold(dtype: Dtype, value: number): boolean {
  if (!/^u?int/.test(dtype)) return true;
  return Number.isInteger(value) && Number(allocate(dtype, 1, value)[0]) === value;
}

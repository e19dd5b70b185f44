import { isRecord, type Padding, type VersionDescription } from '#libs/contracts';
import { rowsPerRunOf } from '../batch-axis.js';
import { isPreprocessed } from '../hooks.js';
import { instanceInputs } from '../instance-inputs.js';

/** A dimension that the graph leaves open, and where an instance shows its length. */
export interface VariableDimension {
  /** Its name in the graph: the same length wherever it stands. */
  symbol: string;
  tensor: string;
  /** How many arrays deep in the instance's tensor. */
  depth: number;
}

const known = new WeakMap<VersionDescription, readonly VariableDimension[]>();

/** The variable dimensions of a raw graph's instances, each once, in the order of its inputs. */
export function variableDimensions(version: VersionDescription): readonly VariableDimension[] {
  let found = known.get(version);
  if (!found) known.set(version, (found = findDimensions(version)));
  return found;
}

function findDimensions(version: VersionDescription): VariableDimension[] {
  const found = new Map<string, VariableDimension>();
  if (version.input.kind !== 'tensor') return [];
  for (const { name: tensor, shape } of instanceInputs(version)) {
    shape.forEach((symbol, depth) => {
      if (typeof symbol === 'number' || found.has(symbol)) return;
      found.set(symbol, { symbol, tensor, depth });
    });
  }
  return [...found.values()];
}

/** Whether instances of a version can differ in shape and could otherwise share a run. */
export function hasVariableShapes(version: VersionDescription): boolean {
  // What callers send shows nothing of what `preprocess` makes of it: the runner sorts that.
  if (isPreprocessed(version)) return false;
  if (!version.tensors || variableDimensions(version).length === 0) return false;
  return rowsPerRunOf(version) > 1;
}

/**
 * The lengths of an instance's variable dimensions, such as `7` or `7x3`.
 * @param instance as the validator let it pass.
 * @returns null where no two instances differ, or none share a run.
 */
export function shapeSignature(version: VersionDescription, instance: unknown): string | null {
  if (!hasVariableShapes(version)) return null;
  return signatureOf(lengthsOf(version, instance));
}

/** Lengths of the variable dimensions, in their order, read from the first elements. */
export function lengthsOf(version: VersionDescription, instance: unknown): number[] {
  return variableDimensions(version).map(({ tensor, depth }) => {
    let level = isRecord(instance) ? instance[tensor] : instance;
    for (let i = 0; i < depth && Array.isArray(level); i++) level = level[0] as unknown;
    return Array.isArray(level) ? level.length : 0;
  });
}

/** @see shapeSignature */
export function signatureOf(lengths: readonly number[]): string {
  return lengths.join('x');
}

/**
 * Instances of one lane can share a run.
 * @returns the lengths that instances of this signature are filled up to; `*` where they are filled up
 *   to the longest of their run, and so share with any other.
 */
export function laneOf(version: VersionDescription, signature: string): string {
  const { padding } = version.batching;
  if (!padding) return signature;
  if (!padding.buckets) return '*';
  return signatureOf(signature.split('x').map((length) => bucketOf(padding, Number(length))));
}

/** The smallest bucket that holds a length; the length itself where none does or there are none. */
export function bucketOf({ buckets = [] }: Padding, length: number): number {
  return buckets.find((bucket) => bucket >= length) ?? length;
}

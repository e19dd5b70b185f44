import type { TensorInfo, VersionDescription } from '#libs/contracts';
import { ManifestMismatch } from '../errors.js';
import { requirePaddable } from '../graph.js';
import type { Batch } from '../tensors.js';
import { ImageEncoder } from './image.encoder.js';
import { TabularEncoder } from './tabular.encoder.js';
import { TensorEncoder } from './tensor.encoder.js';

/** Lengths of an instance's variable dimensions, by their name in the graph. */
export type Lengths = ReadonlyMap<string, number>;

/** Makes instances, as callers sent them and the api checked them, into what the graph takes. */
export interface InputEncoder {
  /**
   * What takes waiting, such as decoding. Where it is missing, instances go to `encode` as they are.
   * @throws InstanceError when this instance cannot be used; its batch mates are unharmed.
   */
  prepare?: (instance: unknown) => Promise<unknown>;
  /**
   * Instances of one lane may share a run. Where it is missing, all may.
   * @throws InstanceError when this instance cannot be used.
   */
  laneOf?: (prepared: unknown) => string;
  /** Where instances are filled up: this one's own lengths, which its outputs are cut back to. */
  lengthsOf?: ((prepared: unknown) => Lengths) | undefined;
  /** Prepared, harmless, for warming up. */
  readonly sample: unknown;
  /** @returns room for `rows` rows, of which the first are these prepared instances of one lane. */
  encode: (prepared: readonly unknown[], rows: number) => Batch;
}

/**
 * The encoder of a version.
 * @param version with `tensors`.
 * @throws ManifestMismatch when the graph does not fit the manifest.
 */
export function inputEncoder(version: VersionDescription, inputs: TensorInfo[]): InputEncoder {
  requirePaddable(version);
  switch (version.input.kind) {
    case 'tabular':
      return only(new TabularEncoder(version.input, inputs), inputs);
    case 'image':
      return only(new ImageEncoder(version.input, inputs), inputs);
    case 'tensor':
      return new TensorEncoder(version);
  }
}

/** These kinds give one input; what the graph takes besides would stay empty. */
function only<E extends { tensor: string }>(encoder: E, inputs: TensorInfo[]): E {
  const other = inputs.find(({ name }) => name !== encoder.tensor);
  if (!other) return encoder;
  throw new ManifestMismatch(
    `model.yaml gives the input ${encoder.tensor}, but the graph also needs ${other.name}`,
  );
}

import type { TensorInfo, VersionDescription } from '#libs/contracts';
import type { Row } from '../tensors.js';
import { ImageEncoder } from './image.encoder.js';
import { TabularEncoder } from './tabular.encoder.js';
import { TensorEncoder } from './tensor.encoder.js';

/** Makes one instance, as a caller sent it and the api checked it, into what the graph takes. */
export interface InputEncoder {
  /** @throws InstanceError when this instance cannot be used; its batch mates are unharmed. */
  encode(instance: unknown): Row | Promise<Row>;
}

/** The encoder of a version. @throws ManifestMismatch when the graph does not fit the manifest. */
export function inputEncoder(version: VersionDescription, inputs: TensorInfo[]): InputEncoder {
  switch (version.input.kind) {
    case 'tabular':
      return new TabularEncoder(version.input, inputs);
    case 'image':
      return new ImageEncoder(version.input, inputs);
    case 'tensor':
      return new TensorEncoder(inputs);
  }
}

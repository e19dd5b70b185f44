import type { TensorInfo, VersionDescription } from '#libs/contracts';
import type { TensorData } from '../tensors.js';
import { ClassificationDecoder } from './classification.decoder.js';
import { RegressionDecoder } from './regression.decoder.js';
import { TensorDecoder } from './tensor.decoder.js';

/** What a run gave for one instance: `size` elements from `offset`, by output name. */
export type OutputRow = Record<
  string,
  { data: TensorData; offset: number; shape: readonly number[] }
>;

/** Options of the call, checked by the api. */
export interface CallParameters {
  top_k?: number;
}

/** Makes what the graph gave for one instance into what the caller gets. */
export interface OutputDecoder {
  /** @returns a value for JSON. */
  decode(row: OutputRow, parameters: CallParameters): unknown;
}

/** The decoder of a version. @throws ManifestMismatch when the graph does not fit the manifest. */
export function outputDecoder(version: VersionDescription, outputs: TensorInfo[]): OutputDecoder {
  switch (version.output.kind) {
    case 'classification':
      return new ClassificationDecoder(version.output, outputs);
    case 'regression':
      return new RegressionDecoder(version.output, outputs);
    case 'tensor':
      return new TensorDecoder(outputs);
  }
}

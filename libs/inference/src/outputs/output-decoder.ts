import type { Json, TensorInfo, VersionDescription } from '#libs/contracts';
import type { Lengths } from '../inputs/input-encoder.js';
import type { Batch } from '../tensors.js';
import { ClassificationDecoder } from './classification.decoder.js';
import { RegressionDecoder } from './regression.decoder.js';
import { TensorDecoder } from './tensor.decoder.js';

/** Options of the call, checked by the api: those of the output's kind, and the processor's own. */
export interface CallParameters {
  top_k?: number;
  [name: string]: Json | undefined;
}

/** Hears what instances came to. */
export interface PredictionObserver {
  /** @param best the class that was answered. @param scores after activation; only valid meanwhile. */
  classified: (best: number, scores: Float64Array) => void;
  estimated: (value: number) => void;
}

/** Makes what the graph gave for one instance into what the caller gets. */
export interface OutputDecoder {
  /** The outputs that it reads; the graph need not give others. */
  readonly tensors: readonly string[];
  /**
   * @param lengths of the instance's own variable dimensions, where it may have been filled up.
   * @returns JSON text.
   * @throws InstanceError where what the graph gave makes no answer.
   */
  decode: (outputs: Batch, row: number, parameters: CallParameters, lengths?: Lengths) => string;
  /** Tells what the row that was decoded last came to. */
  tell?: (observer: PredictionObserver) => void;
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

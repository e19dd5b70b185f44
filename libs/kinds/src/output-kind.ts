import type { z } from 'zod';
import type { Json, OutputSpec, TensorInfo, VersionDescription } from '#libs/contracts';
import type { InstanceContext } from './input-kind.js';
import type { JsonSchema } from './json-schema.js';
import type { Batch } from './tensors.js';

/** A version whose manifest says this of its output. */
export type WithOutput<S extends OutputSpec> = Omit<VersionDescription, 'output'> & { output: S };

/**
 * What the answers of a model are, and how they are made of what its graph gives. A kind is a file in `outputs/`
 * and a line in `output-kinds.ts`. All but `openDecoder` runs in the api and in workers as well.
 */
export interface OutputKind<S extends OutputSpec = OutputSpec> {
  /** What `output` of a model.yaml may say. */
  settings: z.ZodType<S> & z.core.$ZodTypeDiscriminable;
  /** Of one answer; null while the graph, which it follows from, is not known. */
  schema(version: WithOutput<S>): JsonSchema | null;
  /** JSON Schemas of what calls may say in `parameters`, by name. */
  parameters?(version: WithOutput<S>): Record<string, JsonSchema>;
  /** The answer has a `text`, which is told as it is generated. */
  tellsText?: true;
  /**
   * @param outputs of the graph.
   * @throws ManifestMismatch where the graph does not fit the manifest.
   */
  openDecoder(version: WithOutput<S>, outputs: TensorInfo[]): OutputDecoder;
}

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
   * @param context of the instance, where its encoder knows any.
   * @returns JSON text.
   * @throws InstanceError where what the graph gave makes no answer.
   */
  decode: (
    outputs: Batch,
    row: number,
    parameters: CallParameters,
    context?: InstanceContext,
  ) => string;
  /** Tells what the row that was decoded last came to. */
  tell?: (observer: PredictionObserver) => void;
}

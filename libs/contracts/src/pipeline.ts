import type { Json } from './processor.js';

/** A step that runs a model. In `for_each` and `input`, `$` begins a reference, see docs/guides/pipelines.md. */
export interface ModelStep {
  model: string;
  /** Absent: where what names no version goes. */
  version?: string | undefined;
  /** Leads to an array: the step is run for each of its elements. */
  for_each?: string | undefined;
  /** Elements are passed over that have less in one of these fields. */
  at_least?: Record<string, number> | undefined;
  /** Elements beyond so many are passed over. */
  limit?: number | undefined;
  /** What stands for the model's instance. Absent: the pipeline's own, or the element. */
  input?: Json | undefined;
  /** Options of the model's own. */
  parameters: Record<string, Json>;
}

/** A step that averages the answers of others. */
export interface AverageStep {
  average: string[];
  /** One for each; absent: all count alike. */
  weights?: number[] | undefined;
}

export type PipelineStep = ModelStep | AverageStep;

/** What a manifest says of a pipeline. */
export interface PipelineSpec {
  /** By name, in order. */
  steps: Record<string, PipelineStep>;
  /** What stands for its answer. Absent: the outputs of all steps, by name. */
  output?: Json | undefined;
}

/** What follows from the models of its steps, once those are known. */
export interface PipelineSignature {
  /** The version that each step runs, by step. */
  versions: Record<string, string>;
  /** JSON Schemas of what callers may send as `parameters`, by step. */
  parameters: Record<string, Record<string, unknown>>;
  /** Of an answer; null while the graph of a step is not known. */
  output_schema: Record<string, unknown> | null;
}

/** Models that are run one after the other, or side by side, within a job. */
export interface PipelineDescription extends PipelineSpec {
  signature?: PipelineSignature | undefined;
}

/** Where the time of a pipeline's step went, in milliseconds. */
export interface StepTiming {
  /** Instances that it ran. */
  instances: number;
  /** Until the first of them went to a runner process. */
  wait_ms: number;
  preprocess_ms: number;
  inference_ms: number;
  postprocess_ms: number;
  /** Rows of the largest batch that they were part of. */
  batch_size: number;
}

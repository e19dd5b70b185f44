import type { JobProblem, TensorInfo, VersionDescription } from '#libs/contracts';

/** Everything a runner needs to open a version. */
export interface LoadRequest {
  type: 'load';
  /** Path of `model.onnx`. */
  file: string;
  description: VersionDescription;
  /** In order of preference. */
  executionProviders: string[];
  /** Threads of one run. */
  threads: number;
}

/** What is known of a version once it is open. */
export interface Loaded {
  tensors: { inputs: TensorInfo[]; outputs: TensorInfo[] };
  executionProvider: string;
  /** Rows of one run that really work: 1 where the graph does not keep its batch dimension. */
  maxRows: number;
  loadMs: number;
}

export interface RunRequest {
  type: 'run';
  batch: number;
  /** JSON texts as they stand in the records: `{input}` or `{inputs}`, and `parameters`. */
  jobs: string[];
}

/** A job's part of a batch. */
export interface JobOutcome {
  /** JSON text of an array, one entry an instance; a failed one is `{"error": …}`. */
  outputs: string;
  /** Instances that have an output. */
  done: number;
  /** The first instance's error, where there is one. */
  error: JobProblem | null;
  /** Rows of the largest run that it was part of. */
  batchSize: number;
}

export interface BatchTiming {
  preprocessMs: number;
  inferenceMs: number;
  postprocessMs: number;
}

/** Parent to runner. */
export type RunnerRequest = LoadRequest | RunRequest;

/** Runner to parent. */
export type RunnerReply =
  | { type: 'loaded'; loaded: Loaded }
  | { type: 'load-failed'; reason: string }
  | { type: 'ran'; batch: number; jobs: JobOutcome[]; timing: BatchTiming };

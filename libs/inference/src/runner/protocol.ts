import type {
  Counts,
  DriftBasis,
  JobProblem,
  ProcessorHook,
  TensorInfo,
  VersionDescription,
} from '#libs/contracts';

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
  /** Which of several instances this is: where there are several GPUs, instances take them in turn. */
  instance: number;
  /** Whether to count what instances and predictions are like. */
  observe: boolean;
  /** Path of a file of instances that those are compared with. */
  reference?: string | undefined;
}

/** Time of one run of so many rows, as the cost model is fitted to. */
export interface RunSample {
  rows: number;
  ms: number;
}

/** What is known of a version once it is open. */
export interface Loaded {
  tensors: { inputs: TensorInfo[]; outputs: TensorInfo[] };
  /** What its `processor.mjs` exports, where it has one. */
  hooks: ProcessorHook[] | undefined;
  executionProvider: string;
  /**
   * Most rows of one run: those of a fixed batch dimension, 1 where the graph has, or keeps, none; null
   * where it takes as many as are sent.
   */
  rowsPerRun: number | null;
  /** From the warm-up, first runs of a size left out. */
  samples: RunSample[];
  loadMs: number;
  /** What is counted; absent: nothing. */
  drift?: DriftBasis | undefined;
  /** Resident memory of the process. */
  rssBytes: number;
}

export interface RunRequest {
  type: 'run';
  batch: number;
  /**
   * Consecutive instances of a job each, as they stand in its record: a line with the parameters (JSON,
   * or empty), then the instances (JSON), a line each, with a comma at the end of all but the last.
   */
  slices: string[];
}

/** A slice's part of a batch. */
export interface SliceOutcome {
  /** JSON texts of the outputs, in order, joined by commas; a failed one is `{"error": …}`. */
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

export interface RanReply {
  type: 'ran';
  batch: number;
  slices: SliceOutcome[];
  timing: BatchTiming;
  /** Memory ran out in a run of several rows, which was then halved. */
  outOfMemory: boolean;
  /** Resident memory of the process. */
  rssBytes: number;
}

/** Runs the instances of the reference, a few at a time between those of callers. */
export interface ProfileRequest {
  type: 'profile';
}

/** What the instances of the reference, and their predictions, are like. */
export interface ProfiledReply {
  type: 'profiled';
  /** Null: see `reason`. */
  counts: Counts | null;
  reason: string;
}

/** What instances and predictions were like since the last such message. */
export interface ObservedReply {
  type: 'observed';
  counts: Counts;
}

/** Parent to runner. */
export type RunnerRequest = LoadRequest | RunRequest | ProfileRequest;

/** Runner to parent. */
export type RunnerReply =
  | { type: 'loaded'; loaded: Loaded }
  | { type: 'load-failed'; reason: string }
  | RanReply
  | ProfiledReply
  | ObservedReply;

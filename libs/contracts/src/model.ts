/** Element types of ONNX tensors that onnxruntime-node can exchange. */
export const DTYPES = [
  'float32',
  'float64',
  'float16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
] as const;
export type Dtype = (typeof DTYPES)[number];

/** An input or output of an ONNX graph. A string in `shape` is a symbolic (variable) dimension. */
export interface TensorInfo {
  name: string;
  dtype: Dtype;
  shape: (number | string)[];
}

/** A named number of a tabular model. The tensor gets `(value - mean) / std`. */
export interface TabularField {
  name: string;
  description?: string | undefined;
  unit?: string | undefined;
  /** Declared range: a value outside is accepted with a warning, never clamped. */
  minimum?: number | undefined;
  maximum?: number | undefined;
  mean: number;
  std: number;
}

/** One row of named numbers → float32 `[rows, fields]`. */
export interface TabularInput {
  kind: 'tabular';
  /** The graph's input; where it has only one, that one. */
  tensor?: string | undefined;
  fields: TabularField[];
}

/** One PNG, JPEG or WebP → float32, per channel `(pixel × scale - mean) / std`. */
export interface ImageInput {
  kind: 'image';
  tensor?: string | undefined;
  width: number;
  height: number;
  channels: 'grayscale' | 'rgb';
  layout: 'nchw' | 'nhwc' | 'flat';
  fit: 'fill' | 'cover' | 'contain';
  scale: number;
  mean: number[];
  std: number[];
}

/** The graph's own inputs, by name. */
export interface TensorInput {
  kind: 'tensor';
}

export type InputSpec = TabularInput | ImageInput | TensorInput;

/** Scores per class → label, confidence and either all probabilities or the best `top_k`. */
export interface ClassificationOutput {
  kind: 'classification';
  tensor?: string | undefined;
  activation: 'none' | 'softmax' | 'sigmoid';
  labels: string[];
  top_k?: number | undefined;
  decimals: number;
}

/** A number → `value × std + mean`, clipped, rounded. */
export interface RegressionOutput {
  kind: 'regression';
  tensor?: string | undefined;
  mean: number;
  std: number;
  decimals: number;
  minimum?: number | undefined;
  maximum?: number | undefined;
  unit?: string | undefined;
}

/** The graph's own outputs, by name. */
export interface TensorOutput {
  kind: 'tensor';
}

export type OutputSpec = ClassificationOutput | RegressionOutput | TensorOutput;

/**
 * How instances whose variable dimensions differ come to share a run: filled up to a common length.
 * Outputs that have the same symbolic dimension are cut back to each instance's own length.
 */
export interface Padding {
  /** What fills numeric inputs. */
  value: number;
  /** Lengths to fill up to, ascending; a longer instance is not filled up. Without: to the longest of the batch. */
  buckets?: number[] | undefined;
  /** The graph's input that gets 1 for an instance's own elements and 0 for filling; callers do not send it. */
  mask?: string | undefined;
}

/** How jobs of different callers are put together, in Triton's words. */
export interface Batching {
  /** Most rows of one run. 0: the graph has no batch dimension and runs one instance at a time. */
  max_batch_size: number;
  /** Longest that a job waits for company, since its submission. */
  max_queue_delay_ms: number;
  padding?: Padding | undefined;
}

/** When a version is in memory. */
export interface Lifecycle {
  /** Loaded when the worker starts, rather than at the first job. */
  preload: boolean;
  /** Instances that stay loaded once loaded, however long nobody asks for them. */
  keep_warm: number;
  /** Unloaded after so long without a job, down to `keep_warm`; 0: never. */
  idle_unload_s: number;
}

/** What a submission gets that does not say otherwise; unset: the installation's own. */
export interface JobDefaults {
  queue_timeout_s?: number | undefined;
  execution_timeout_s?: number | undefined;
  result_ttl_s?: number | undefined;
}

export interface HeldOut {
  metric: string;
  value: number;
  rows: number;
}

/** What the operator declares of a version, from `model.yaml`, and what its graph says. */
export interface VersionDescription {
  model: string;
  version: string;
  description?: string | undefined;
  input: InputSpec;
  output: OutputSpec;
  batching: Batching;
  warmup: { batch_sizes: number[] };
  /** Runner processes of this version in each worker. */
  instances: number;
  /** Threads of one instance; unset: the cores shared out among the instances. */
  threads?: number | undefined;
  lifecycle: Lifecycle;
  defaults: JobDefaults;
  held_out?: HeldOut | undefined;
  card: Record<string, string>;
  /** Known once a runner has opened the graph. */
  tensors?: { inputs: TensorInfo[]; outputs: TensorInfo[] } | undefined;
}

export const VERSION_STATES = ['unloaded', 'loading', 'ready', 'failed'] as const;
export type VersionState = (typeof VERSION_STATES)[number];

/** A version as one worker serves it. */
export interface VersionReport extends VersionDescription {
  state: VersionState;
  /** Why it is `failed`, for operators and callers. */
  reason?: string | undefined;
  /** Of `model.onnx`, hexadecimal. */
  sha256?: string | undefined;
  load_ms?: number | undefined;
  /** Runner processes that are up. */
  warm_instances: number;
  /** Resident memory of its runner processes. */
  memory_bytes: number;
  /** A newer state of its folder that has not replaced what is served: still loading, or broken. */
  update?: { state: 'loading' | 'failed'; reason?: string | undefined } | undefined;
  /** The one that its runner really uses. */
  execution_provider?: string | undefined;
}

/** A model folder as one worker serves it. */
export interface ModelReport {
  model: string;
  description?: string | undefined;
  /** Why none of it can be served: a broken manifest, say. */
  reason?: string | undefined;
  /** Highest last, so that the last one is the default. */
  versions: VersionReport[];
  /** Jobs a second that this worker ends while it has any; absent before it has ended some. */
  jobs_per_s?: number | undefined;
}

/** What a worker tells the fleet of itself every few seconds. */
export interface WorkerReport {
  id: string;
  host: string;
  pid: number;
  app_version: string;
  execution_providers: string[];
  started_at: string;
  models: ModelReport[];
}

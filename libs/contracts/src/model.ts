import type { DriftSettings } from './drift.js';
import type { PipelineDescription } from './pipeline.js';

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

interface FieldBase {
  name: string;
  description?: string | undefined;
}

/** A named number of a tabular model. The tensor gets `(clipped value - mean) / std`. */
export interface NumberField extends FieldBase {
  /** Absent in reports of workers of before there were other types. */
  type?: 'number' | undefined;
  unit?: string | undefined;
  /** Declared range: a value outside is accepted with a warning, never clamped. */
  minimum?: number | undefined;
  maximum?: number | undefined;
  /** What any scaler takes off the value. */
  mean: number;
  /** What any scaler then divides it by. */
  std: number;
  /** Before scaling, values outside become these. */
  clip?: readonly [number, number] | undefined;
  /** Taken for a value that is absent or null, before scaling; absent: there must be one. */
  missing?: number | 'nan' | undefined;
}

export type Category = string | number;

/** One of several values → as many columns of 0 and 1, or one column with its place. */
export interface CategoryField extends FieldBase {
  type: 'category';
  categories: Category[];
  encoding: 'one-hot' | 'ordinal';
  /** For a value that is none of the categories; absent: there must be none. */
  unknown?: CategorySubstitute | undefined;
  /** For a value that is absent or null; absent: there must be one. */
  missing?: CategorySubstitute | undefined;
}

/** `ignore`: zeros in all columns. `value`: as if it were this category. `code`: this in place of its place. */
export type CategorySubstitute = 'ignore' | 'nan' | { value: Category } | { code: number };

/** True → 1, false → 0. */
export interface BooleanField extends FieldBase {
  type: 'boolean';
  /** Taken for a value that is absent or null; absent: there must be one. */
  missing?: boolean | 'nan' | undefined;
}

export type TabularField = NumberField | CategoryField | BooleanField;

/** One row of named values → float32 `[rows, columns]`. */
export interface TabularInput {
  kind: 'tabular';
  /** The graph's input; where it has only one, that one. */
  tensor?: string | undefined;
  fields: TabularField[];
}

/** What `input` of a manifest says. Its kind, a file of libs/kinds, knows what else there is. */
export interface InputSpec {
  kind: string;
}

export function isTabular(input: InputSpec): input is TabularInput {
  return input.kind === 'tabular';
}

/**
 * Scores per class → label, confidence and either all probabilities or the best `top_k`. Two labels may
 * also have a single score: that of the second.
 */
export interface ClassificationOutput {
  kind: 'classification';
  tensor?: string | undefined;
  activation: 'none' | 'softmax' | 'sigmoid';
  /** Divides the scores before the activation. */
  temperature?: number | undefined;
  labels: string[];
  /** Every label that reaches its threshold, rather than one. */
  multi_label?: boolean | undefined;
  /** Of two labels: what the second's score must reach. With `multi_label`: what each must, in order. */
  thresholds?: number[] | undefined;
  /** The label of an answer with less confidence is `unknown_label`, or null. */
  min_confidence?: number | undefined;
  unknown_label?: string | undefined;
  top_k?: number | undefined;
  decimals: number;
}

/** A number → `transform(value × std + mean)`, clipped, rounded. */
export interface RegressionTarget {
  mean: number;
  std: number;
  /** What undoes the transformation that the target had before it was scaled. */
  transform?: 'exp' | 'expm1' | undefined;
  decimals: number;
  minimum?: number | undefined;
  maximum?: number | undefined;
  unit?: string | undefined;
}

/** One number, or with `targets` a named number each. */
export interface RegressionOutput extends RegressionTarget {
  kind: 'regression';
  tensor?: string | undefined;
  targets?: (RegressionTarget & { name: string })[] | undefined;
}

/** What `output` of a manifest says. Its kind, a file of libs/kinds, knows what else there is. */
export interface OutputSpec {
  kind: string;
}

export function isClassification(output: OutputSpec): output is ClassificationOutput {
  return output.kind === 'classification';
}

export function isRegression(output: OutputSpec): output is RegressionOutput {
  return output.kind === 'regression';
}

/** What a `processor.mjs` may export. */
export const PROCESSOR_HOOKS = ['preprocess', 'postprocess'] as const;
export type ProcessorHook = (typeof PROCESSOR_HOOKS)[number];

/** The `processor.mjs` of a version. */
export interface ProcessorSpec {
  /** Of `processor.mjs` and the modules beside it, hexadecimal. */
  sha256: string;
  /** JSON Schema of what callers send where there is a `preprocess`; absent: any JSON. */
  input_schema?: Record<string, unknown> | undefined;
  /** JSON Schema of what callers get where there is a `postprocess`; absent: any JSON. */
  output_schema?: Record<string, unknown> | undefined;
  /** JSON Schemas of what callers may send as `parameters`, by name. */
  parameters?: Record<string, Record<string, unknown>> | undefined;
}

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
  processor?: ProcessorSpec | undefined;
  /** It has no graph of its own: what is said of input and batching is that of a step. */
  pipeline?: PipelineDescription | undefined;
  batching: Batching;
  warmup: { batch_sizes: number[] };
  /** Runner processes of this version in each worker. */
  instances: number;
  /** Threads of one instance; unset: the cores shared out among the instances. */
  threads?: number | undefined;
  lifecycle: Lifecycle;
  defaults: JobDefaults;
  /** Results answer identical submissions for so long; unset: every job is computed. */
  cache_ttl_s?: number | undefined;
  /** Jobs of every owner share results; unset: only those of one owner do. */
  cache_shared?: boolean | undefined;
  /** Most results that are kept of the model; unset: 10,000. */
  cache_max_entries?: number | undefined;
  held_out?: HeldOut | undefined;
  card: Record<string, string>;
  /** False: it is not watched. Absent: its worker knows nothing of it. */
  drift?: DriftSettings | false | undefined;
  /** Known once a runner has opened the graph. */
  tensors?: { inputs: TensorInfo[]; outputs: TensorInfo[] } | undefined;
  /** What its `processor.mjs` exports; known once a runner has loaded it. */
  hooks?: ProcessorHook[] | undefined;
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
  /** Another one wherever the same input may get another answer, see `contentOf`; known once it was loaded. */
  content?: string | undefined;
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
  /** Where what names no version goes while no rollout is set, as the manifest says; absent: to the highest. */
  default_version?: string | undefined;
  /** Highest last. */
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

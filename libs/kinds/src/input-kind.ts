import type { z } from 'zod';
import type {
  InputSpec,
  InputWarning,
  PointedError,
  TensorInfo,
  VersionDescription,
} from '#libs/contracts';
import type { JsonSchema } from './json-schema.js';
import type { Placement } from './placement.js';
import type { Batch } from './tensors.js';

/** A version whose manifest says this of its input. */
export type WithInput<S extends InputSpec> = Omit<VersionDescription, 'input'> & { input: S };

/**
 * What instances of a model are, and how they become what its graph takes. A kind is a file in `inputs/` and a
 * line in `input-kinds.ts`. All but `openEncoder` runs in the api and in workers as well: what needs a large
 * library, or native code, loads it when an encoder is opened, which only runners do.
 */
export interface InputKind<S extends InputSpec = InputSpec> {
  /** What `input` of a model.yaml may say. */
  settings: z.ZodType<S> & z.core.$ZodTypeDiscriminable;
  /** Of one instance; null while the graph, which it follows from, is not known. */
  schema(version: WithInput<S>): JsonSchema | null;
  /** Of the same instance in a shorter form, such as an array, that is no object; null: it has none. */
  shortSchema?(version: WithInput<S>): JsonSchema | null;
  /** Callers are told everything that is wrong with an instance, rather than the first thing. */
  tellsAllErrors?: boolean;
  /**
   * What the schema cannot say of an instance that fits it.
   * @param at where the instance stands in the body, a JSON Pointer.
   * @throws ProblemError of its own for what `invalid-input` would not say.
   */
  checker?(version: WithInput<S>): (instance: unknown, at: string) => PointedError[];
  /** What is odd, and yet accepted, in an instance that is valid. */
  warner?(version: WithInput<S>): (instance: unknown, at: string) => readonly InputWarning[];
  /** Files that the input names, which stand beside model.onnx or else beside model.yaml, and make answers what they are. */
  files?(input: S): readonly string[];
  /** An instance may be a file of a form. */
  takesFiles?: boolean;
  /** Where instances of such a kind may be objects: the property of these that is the file. */
  fileProperty?: string;
  /** Instances may be the rows of a table: its columns, and how the text of a cell is read. */
  columns?(version: WithInput<S>): readonly TableColumn[];
  /** Most bytes of JSON that an instance takes, however it is laid out; undefined: the signature does not say. */
  largestBytes?(version: WithInput<S>): number | undefined;
  /**
   * @param inputs of the graph.
   * @param folder of the version, and in its parent of the model, for the files that the manifest names.
   * @throws ManifestMismatch where the graph does not fit the manifest.
   */
  openEncoder(
    version: WithInput<S>,
    inputs: TensorInfo[],
    folder: string,
  ): InputEncoder | Promise<InputEncoder>;
}

/** A column of a table whose rows are instances. */
export interface TableColumn {
  /** Of the field. */
  name: string;
  /** It may not be left out. */
  required: boolean;
  /** The value that a cell stands for; the cell itself where it stands for none, which the schema will refuse. */
  read: (cell: string) => unknown;
}

/** Lengths of an instance's variable dimensions, by their name in the graph. */
export type Lengths = ReadonlyMap<string, number>;

/** What an answer needs to know of its instance. */
export interface InstanceContext {
  /** Where instances are filled up: this one's own lengths, which its outputs are cut back to. */
  lengths?: Lengths | undefined;
  /** Of a text: how many tokens are its own, from the first on. */
  tokens?: number | undefined;
  /** Where a picture went. */
  placement?: Placement | undefined;
}

/** Makes instances, as callers sent them and the api checked them, into what the graph takes. */
export interface InputEncoder {
  /**
   * What takes waiting, such as decoding. Where it is missing, instances go to `encode` as they are.
   * @throws InstanceError when this instance cannot be used; its batch mates are unharmed.
   */
  prepare?: (instance: unknown) => unknown;
  /**
   * Instances of one lane may share a run. Where it is missing, all may.
   * @throws InstanceError when this instance cannot be used.
   */
  laneOf?: (prepared: unknown) => string;
  /** Where it is missing, answers need to know nothing. */
  contextOf?: ((prepared: unknown) => InstanceContext) | undefined;
  /** Prepared, harmless, for warming up. */
  readonly sample: unknown;
  /** The graph may rightly refuse the sample. */
  readonly sampleMayFail?: boolean;
  /** @returns room for `rows` rows, of which the first are these prepared instances of one lane. */
  encode: (prepared: readonly unknown[], rows: number) => Batch;
}

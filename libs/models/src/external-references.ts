import { PbfReader } from 'pbf';
import { ModelFileError } from './model-file.error.js';
import { type Field, NOT_WHOLE, type ProtobufFile } from './protobuf-file.js';

type Message =
  | 'model'
  | 'training'
  | 'function'
  | 'graph'
  | 'node'
  | 'attribute'
  | 'sparse'
  | 'tensor'
  | 'entry';

/** Where tensors may stand in a model: by message, field numbers of onnx.proto and what they hold. */
const CHILDREN: Record<Message, Partial<Record<number, Message>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
  entry: {},
};

/** Deeper than protobuf itself reads. */
const MAX_DEPTH = 100;
const MAX_FILES = 10_000;
const MAX_ENTRY_BYTES = 8192;

/** Bytes that a file of external data must have at least, as far as tensors say, by its location. */
export type ExternalReferences = Map<string, number>;

/** What a tensor says of its external data. */
interface Entries {
  location?: string;
  offset?: string;
  length?: string;
}

/**
 * Every external data location in a model: of initializers, attributes, subgraphs, functions and training
 * graphs. A tensor that is not marked as external counts too: whether it is depends on how the parts of a
 * message are merged.
 * @throws ModelFileError where the file is no well-formed protobuf.
 */
export async function externalReferences(file: ProtobufFile): Promise<ExternalReferences> {
  const references: ExternalReferences = new Map();

  async function walk(message: Message, from: number, end: number, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new ModelFileError('model.onnx is nested too deeply');
    const children = CHILDREN[message];
    const entries: Entries = {};
    for (let position = from; position < end;) {
      if (!file.holds(position)) await file.fill(position);
      const field = file.field(position, end);
      position = field.end;
      const child = field.delimited ? children[field.number] : undefined;
      if (child === 'entry') refer(await entryOf(file, field), entries, references);
      else if (child !== undefined) await walk(child, field.start, field.end, depth + 1);
    }
  }

  await walk('model', 0, file.sizeBytes, 1);
  return references;
}

/** Adds an entry to those of its tensor, and what the tensor says by now to what is needed. */
function refer(entry: Entries, entries: Entries, references: ExternalReferences): void {
  Object.assign(entries, entry);
  const { location } = entries;
  if (location === undefined) return;
  const neededBytes = wholeNumber(entries.offset) + wholeNumber(entries.length);
  references.set(location, Math.max(neededBytes, references.get(location) ?? 0));
  if (references.size > MAX_FILES) {
    throw new ModelFileError(`model.onnx refers to more than ${String(MAX_FILES)} files`);
  }
}

/** A key and its value, of those that matter. */
async function entryOf(file: ProtobufFile, field: Field): Promise<Entries> {
  if (field.end - field.start > MAX_ENTRY_BYTES) {
    throw new ModelFileError('model.onnx names external data by more than 8 KiB');
  }
  const entry = { key: '', value: '' };
  try {
    new PbfReader(await file.read(field)).readFields((number, into, reader) => {
      if (number === 1) into.key = reader.readString();
      else if (number === 2) into.value = reader.readString();
    }, entry);
  } catch (cause) {
    throw new ModelFileError(NOT_WHOLE, { cause });
  }
  const known = entry.key === 'location' || entry.key === 'offset' || entry.key === 'length';
  return known ? { [entry.key]: entry.value } : {};
}

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : 0;
}

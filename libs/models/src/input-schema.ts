import type { Dtype, TabularField, VersionDescription } from '#libs/contracts';
import { fieldSchema } from './field-schema.js';
import { instanceInputs } from './instance-inputs.js';
import { isPreprocessed } from './hooks.js';
import { elementSchema, type JsonSchema, nestedSchema, WELL_FORMED } from './tensor-schema.js';

/**
 * JSON Schema of one instance in its named form.
 * @returns null while what a runner tells of it, the signature of a raw graph or of a `processor.mjs`, is not
 *   known yet.
 */
export function instanceSchema(version: VersionDescription): JsonSchema | null {
  const { input, processor, hooks } = version;
  if (processor && !hooks) return null;
  if (isPreprocessed(version)) return processor?.input_schema ?? {};
  switch (input.kind) {
    case 'tabular':
      return tabularSchema(input.fields);
    case 'image':
      return {
        type: 'string',
        contentEncoding: 'base64',
        description:
          'PNG, JPEG or WebP: base64, or a data URI; or upload it as multipart/form-data',
      };
    case 'tensor':
      return tensorSchema(version);
  }
}

/** The same instance in its short form, an array, where it has one. */
export function shortInstanceSchema(version: VersionDescription): JsonSchema | null {
  const { input } = version;
  if (isPreprocessed(version)) return null;
  if (input.kind === 'tabular') {
    const items = input.fields.map(fieldSchema);
    const size = items.length;
    return { type: 'array', prefixItems: items, items: false, minItems: size, maxItems: size };
  }
  if (input.kind === 'tensor') {
    const only = onlyTensor(version);
    return only ?? null;
  }
  return null;
}

/** Schema of the options that a call may carry. */
export function parametersSchema({ output, processor }: VersionDescription): JsonSchema {
  const own =
    output.kind === 'classification'
      ? { top_k: { type: 'integer', minimum: 1, maximum: output.labels.length } }
      : {};
  const properties = { ...processor?.parameters, ...own };
  return { type: 'object', properties, additionalProperties: false };
}

/** What clients are shown: either form. */
export function publishedInputSchema(version: VersionDescription): JsonSchema | null {
  const named = instanceSchema(version);
  const short = shortInstanceSchema(version);
  return named && short ? { anyOf: [named, short] } : named;
}

function tabularSchema(fields: TabularField[]): JsonSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
    required: fields.filter(({ missing }) => missing === undefined).map(({ name }) => name),
    additionalProperties: false,
  };
}

/** Longest text that is an element of a tensor, in code points. */
const MAX_TEXT_LENGTH = 100_000;

/** As `elementSchema` has it, with what holds for texts that come in. */
function inputElement(dtype: Dtype): JsonSchema {
  const plain = elementSchema(dtype);
  return dtype === 'string'
    ? { ...plain, maxLength: MAX_TEXT_LENGTH, pattern: WELL_FORMED }
    : plain;
}

function tensorSchema(version: VersionDescription): JsonSchema | null {
  if (!version.tensors) return null;
  const properties = Object.fromEntries(
    instanceInputs(version).map(({ name, shape, dtype }) => [
      name,
      nestedSchema(shape, inputElement(dtype)),
    ]),
  );
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

/** A graph with a single input also takes that input's value by itself. */
function onlyTensor(version: VersionDescription): JsonSchema | undefined {
  const [only, ...others] = instanceInputs(version);
  if (!only || others.length > 0) return undefined;
  return nestedSchema(only.shape, inputElement(only.dtype));
}

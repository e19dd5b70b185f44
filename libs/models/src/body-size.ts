import { MAX_INSTANCES, type TabularField, type VersionDescription } from '#libs/contracts';
import { MAX_CATEGORY_LENGTH } from './field-schema.js';
import { instanceInputs } from './instance-inputs.js';

/** A number in JSON, written in full, on an indented line of its own. */
const NUMBER_BYTES = 64;
/** All that a submission may say besides its input, every character of it escaped. */
const ENVELOPE_BYTES = 256 * 1024;

/**
 * Bytes that suffice for the body of any submission to a version, however its JSON is laid out.
 * @returns undefined where the signature does not say: pictures, texts, dimensions of any length, a `processor.mjs`.
 */
export function largestBodyBytes(version: VersionDescription): number | undefined {
  const instance = largestInstanceBytes(version);
  return instance === undefined ? undefined : ENVELOPE_BYTES + MAX_INSTANCES * instance;
}

function largestInstanceBytes(version: VersionDescription): number | undefined {
  const { input } = version;
  if (version.processor) return undefined;
  switch (input.kind) {
    case 'tabular':
      return sum(input.fields.map((field) => nameBytes(field.name) + valueBytes(field)));
    case 'image':
      return undefined;
    case 'tensor': {
      const inputs = instanceInputs(version);
      const bounded = inputs.every(
        ({ dtype, shape }) => dtype !== 'string' && shape.every((size) => typeof size === 'number'),
      );
      if (inputs.length === 0 || !bounded) return undefined;
      return sum(inputs.map(({ name, shape }) => nameBytes(name) + blockBytes(shape)));
    }
  }
}

/** Texts with every character escaped, those beyond 16 bits as two. */
function valueBytes(field: TabularField): number {
  if (field.type !== 'category') return NUMBER_BYTES;
  const lengths = field.categories.map((category) => String(category).length);
  const longest = Math.max(field.unknown === undefined ? 0 : 2 * MAX_CATEGORY_LENGTH, ...lengths);
  return 6 * longest + NUMBER_BYTES;
}

/** Nested arrays: brackets and commas of a level cost no more than its elements. */
function blockBytes(shape: readonly (number | string)[]): number {
  return shape.reduceRight<number>(
    (bytes, size) => NUMBER_BYTES + Number(size) * bytes,
    NUMBER_BYTES,
  );
}

/** As a key, with everything escaped. */
function nameBytes(name: string): number {
  return 6 * name.length + NUMBER_BYTES;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

import { ValidateBy } from 'class-validator';
import { MAX_INSTANCES } from '#libs/contracts';
import { ColumnInput } from './column.input.js';
import { CsvInput } from './csv.input.js';
import { LargeInput } from './large.input.js';

const MAX_PAIRS = 16;
const MAX_KEY_LENGTH = 64;
const MAX_VALUE_LENGTH = 512;

export const METADATA_RULE = `at most ${String(MAX_PAIRS)} strings, keys up to ${String(MAX_KEY_LENGTH)} and values up to ${String(MAX_VALUE_LENGTH)} characters`;
/** The same for the OpenAPI document, where lengths are counted in code points, too. */
export const METADATA = {
  type: 'object' as const,
  additionalProperties: { type: 'string', maxLength: MAX_VALUE_LENGTH },
  maxProperties: MAX_PAIRS,
  // `__proto__` is refused wherever it stands in a body. The type is older than OpenAPI 3.1.
  ...({
    propertyNames: { minLength: 1, maxLength: MAX_KEY_LENGTH, pattern: '^(?!__proto__$)' },
  } as object),
};

/** Instances as a list or as columns, for the OpenAPI document; its type is older than 3.1. */
export const INSTANCE_LIST = {
  ...({ type: ['array', 'object'] } as object),
  items: {},
  minItems: 1,
  maxItems: MAX_INSTANCES,
  minProperties: 1,
  additionalProperties: {
    type: 'array' as const,
    items: {},
    minItems: 1,
    maxItems: MAX_INSTANCES,
  },
};

/** 1 to 1000 instances; what they look like is the model's business. */
export function IsInstanceList(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstanceList',
    validator: {
      validate: (value: unknown) => {
        const count = countOf(value);
        return count >= 1 && count <= MAX_INSTANCES;
      },
      defaultMessage: () => `must be an array of 1 to ${String(MAX_INSTANCES)} instances`,
    },
  });
}

/** 0 for what is no list. */
function countOf(value: unknown): number {
  if (value instanceof LargeInput) return value.count;
  if (value instanceof ColumnInput) return value.rows.length;
  // How many rows it has is seen when it is read.
  if (value instanceof CsvInput) return 1;
  return Array.isArray(value) ? value.length : 0;
}

/** Up to 16 pairs of strings. */
export function IsMetadata(): PropertyDecorator {
  return ValidateBy({
    name: 'isMetadata',
    validator: {
      validate: isMetadata,
      defaultMessage: () => `must be an object of ${METADATA_RULE}`,
    },
  });
}

export function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const pairs = Object.entries(value);
  return (
    pairs.length <= MAX_PAIRS &&
    pairs.every(
      ([key, text]) =>
        isMetadataKey(key) && typeof text === 'string' && isText(text, MAX_VALUE_LENGTH),
    )
  );
}

/** What a pair may be called. */
export function isMetadataKey(key: string): boolean {
  return key.length > 0 && isText(key, MAX_KEY_LENGTH);
}

/**
 * Counted in code points, as JSON Schema does: an emoji is one. A lone surrogate is none: it would come back
 * as something else.
 */
function isText(text: string, maxLength: number): boolean {
  if (!text.isWellFormed()) return false;
  if (text.length <= maxLength) return true;
  return text.length <= 2 * maxLength && Array.from(text).length <= maxLength;
}

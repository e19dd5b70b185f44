import type { Dtype } from '#libs/contracts';

/** A JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it). */
export type JsonSchema = Record<string, unknown>;

/** Without lone surrogates, which UTF-8 cannot say: they would reach the graph as something else. */
export const WELL_FORMED = '^[^\\ud800-\\udfff]*$';

const FLOAT_MAX: Partial<Record<Dtype, number>> = {
  float16: 65504,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};
const INTEGER_RANGE: Partial<Record<Dtype, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

/** Schema of one element. 64-bit integers beyond 2^53 come and go as strings. */
export function elementSchema(dtype: Dtype): JsonSchema {
  if (dtype === 'bool') return { type: 'boolean' };
  if (dtype === 'string') return { type: 'string' };
  const max = FLOAT_MAX[dtype];
  if (max !== undefined) return { type: 'number', minimum: -max, maximum: max };
  const range = INTEGER_RANGE[dtype];
  if (range) return { type: 'integer', minimum: range[0], maximum: range[1] };
  return {
    type: ['integer', 'string'],
    minimum: dtype === 'uint64' ? 0 : Number.MIN_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
    format: dtype,
  };
}

/** Schema of nested arrays of a shape; a symbolic dimension may have any length from 1. */
export function nestedSchema(shape: readonly (number | string)[], element: JsonSchema): JsonSchema {
  return shape.reduceRight<JsonSchema>((items, size) => {
    return typeof size === 'number'
      ? { type: 'array', items, minItems: size, maxItems: size }
      : { type: 'array', items, minItems: 1 };
  }, element);
}

/** True where `text` is a decimal integer that fits the 64-bit type. */
export function fits64(dtype: 'int64' | 'uint64', text: string): boolean {
  if (!/^-?[0-9]{1,20}$/.test(text)) return false;
  const value = BigInt(text);
  return (dtype === 'int64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) === value;
}

/** Schema of an answer that has all of these. */
export function answerSchema(properties: Record<string, unknown>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}

import { z } from 'zod';
import { type Dtype, isRecord, type PointedError, pointerPart } from '#libs/contracts';
import type { InputKind } from '../input-kind.js';
import { instanceInputs } from '../instance-inputs.js';
import { NUMBER_BYTES, nameBytes } from '../json-bytes.js';
import { elementSchema, type JsonSchema, nestedSchema, WELL_FORMED } from '../json-schema.js';
import { type DimensionSizes, measure } from './nested-array.js';
import { TensorEncoder } from './tensor.encoder.js';

/** Longest text that is an element of a tensor, in code points. */
const MAX_TEXT_LENGTH = 100_000;

/** The graph's own inputs, by name; or by itself, where there is only one. */
export const tensor: InputKind = {
  settings: z.strictObject({ kind: z.literal('tensor') }),

  schema(version): JsonSchema | null {
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
  },

  shortSchema(version): JsonSchema | null {
    const [only, ...others] = instanceInputs(version);
    if (!only || others.length > 0) return null;
    return nestedSchema(only.shape, inputElement(only.dtype));
  },

  /** Rows of equal length, and symbolic dimensions that agree by name. */
  checker(version) {
    const variable = instanceInputs(version).filter(({ shape }) =>
      shape.some((size) => typeof size === 'string'),
    );
    return (instance, at): PointedError[] => {
      const sizes: DimensionSizes = new Map();
      for (const { name, shape } of variable) {
        const value = isRecord(instance) ? instance[name] : instance;
        const where = isRecord(instance) ? `${at}/${pointerPart(name)}` : at;
        const complaint = measure(value, shape, sizes, where);
        if (complaint) return [complaint];
      }
      return [];
    };
  },

  largestBytes(version): number | undefined {
    const inputs = instanceInputs(version);
    const bounded = inputs.every(
      ({ dtype, shape }) => dtype !== 'string' && shape.every((size) => typeof size === 'number'),
    );
    if (inputs.length === 0 || !bounded) return undefined;
    return inputs.reduce((sum, { name, shape }) => sum + nameBytes(name) + blockBytes(shape), 0);
  },

  openEncoder(version) {
    return new TensorEncoder(version);
  },
};

/** As `elementSchema` has it, with what holds for texts that come in. */
function inputElement(dtype: Dtype): JsonSchema {
  const plain = elementSchema(dtype);
  return dtype === 'string'
    ? { ...plain, maxLength: MAX_TEXT_LENGTH, pattern: WELL_FORMED }
    : plain;
}

/** Nested arrays: brackets and commas of a level cost no more than its elements. */
function blockBytes(shape: readonly (number | string)[]): number {
  return shape.reduceRight<number>(
    (bytes, size) => NUMBER_BYTES + Number(size) * bytes,
    NUMBER_BYTES,
  );
}

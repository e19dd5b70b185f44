import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Dtype, DTYPES } from '#libs/contracts';
import { allocate, concatenate, flatten, nest, sizeOf } from './tensors.js';

const float = (constraints: fc.FloatConstraints) =>
  fc.float({ ...constraints, noNaN: true, noDefaultInfinity: true }).map((x) => x + 0);
const ELEMENTS: Record<Dtype, fc.Arbitrary<unknown>> = {
  float32: float({}),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  float16: fc.integer({ min: -2048, max: 2048 }),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  int32: fc.integer(),
  int64: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(asJson),
  uint8: fc.nat(255),
  uint16: fc.nat(65_535),
  uint32: fc.nat(4_294_967_295),
  uint64: fc.bigInt(0n, 2n ** 64n - 1n).map(asJson),
  bool: fc.boolean(),
  string: fc.string(),
};

/** As clients get it: a number while it is exact, else a string. */
function asJson(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

function blocks(shape: number[], element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return shape.reduceRight(
    (inner, length) => fc.array(inner, { minLength: length, maxLength: length }),
    element,
  );
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });

describe('tensors', () => {
  it.each(DTYPES)('of %s come back as the nested arrays they were', (dtype) => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), blocks(shape, ELEMENTS[dtype])),
    );
    fc.assert(
      fc.property(cases, ([shape, value]) => {
        const block = flatten(value, dtype);
        expect(block.shape).toEqual(shape);
        expect(block.data).toHaveLength(sizeOf(shape));
        expect(nest(block.data, 0, shape, dtype)).toEqual(value);
      }),
    );
  });

  it.each(DTYPES)('of %s keep their rows apart in a batch', (dtype) => {
    const cases = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.array(blocks(shape, ELEMENTS[dtype]), { minLength: 1, maxLength: 5 }),
      ),
    );
    fc.assert(
      fc.property(cases, ([shape, rows]) => {
        const whole = concatenate(
          dtype,
          rows.map((row) => flatten(row, dtype)),
        );
        expect(whole).toHaveLength(rows.length * sizeOf(shape));
        rows.forEach((row, i) => {
          expect(nest(whole, i * sizeOf(shape), shape, dtype)).toEqual(row);
        });
      }),
    );
  });

  it('are zeros at first, or empty strings', () => {
    expect(allocate('int64', 2)).toEqual(new BigInt64Array([0n, 0n]));
    expect(allocate('string', 2)).toEqual(['', '']);
    expect(concatenate('bool', [])).toHaveLength(0);
  });

  it('have words for what JSON has no number for', () => {
    const floats = new Float32Array([NaN, Infinity, -Infinity, 1.5]);
    const json = JSON.stringify(nest(floats, 0, [4], 'float32'));
    expect(json).toBe('["NaN","Infinity","-Infinity",1.5]');
  });

  it('have strings for integers beyond 2^53', () => {
    const edge = 2n ** 53n;
    const integers = new BigInt64Array([edge - 1n, edge, -edge + 1n, -edge, 2n ** 63n - 1n]);
    const json = JSON.stringify(nest(integers, 0, [5], 'int64'));
    expect(json).toBe(
      '[9007199254740991,"9007199254740992",-9007199254740991,"-9007199254740992","9223372036854775807"]',
    );
  });

  it('may have a dimension of nothing', () => {
    expect(nest(new Float32Array(), 0, [0, 3], 'float32')).toEqual([]);
    expect(flatten([], 'float32').shape).toEqual([0]);
  });

  it('make true of every bool that is not zero', () => {
    expect(nest(new Uint8Array([0, 1, 255]), 0, [3], 'bool')).toEqual([false, true, true]);
  });
});

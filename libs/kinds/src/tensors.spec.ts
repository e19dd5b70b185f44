import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Dtype, DTYPES } from '#libs/contracts';
import { allocate, flattenInto, nest, repeatLastRow, sizeOf } from './tensors.js';

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
      fc.tuple(
        fc.constant(shape),
        fc.array(blocks(shape, ELEMENTS[dtype]), { minLength: 1, maxLength: 5 }),
      ),
    );
    fc.assert(
      fc.property(cases, ([shape, values]) => {
        const size = sizeOf(shape);
        const rows = { data: allocate(dtype, values.length * size), shape };
        values.forEach((value, row) => {
          flattenInto(rows, row * size, value, dtype);
        });
        expect(rows.data).toHaveLength(values.length * size);
        values.forEach((value, row) => {
          expect(nest(rows, row * size, dtype)).toEqual(value);
        });
      }),
    );
  });

  it.each(DTYPES)('of %s come back from a larger block, cut to what they were', (dtype) => {
    const cases = shapes.chain((cut) =>
      fc.tuple(
        fc.constant(cut),
        fc.tuple(...cut.map((length) => fc.integer({ min: length, max: length + 2 }))),
        blocks(cut, ELEMENTS[dtype]),
      ),
    );
    fc.assert(
      fc.property(cases, ([cut, shape, value]) => {
        const size = sizeOf(shape);
        const rows = { data: allocate(dtype, 2 * size), shape };
        flattenInto(rows, size, value, dtype);
        expect(nest(rows, size, dtype, cut)).toEqual(value);
        expect(rows.data.slice(0, size)).toEqual(allocate(dtype, size));
      }),
    );
  });

  it('are zeros at first, or empty strings, or full of a value', () => {
    expect(allocate('int64', 2)).toEqual(new BigInt64Array([0n, 0n]));
    expect(allocate('string', 2, 1)).toEqual(['', '']);
    expect(allocate('uint64', 1, 7)).toEqual(new BigUint64Array([7n]));
    expect(allocate('float32', 2, -0.5)).toEqual(new Float32Array([-0.5, -0.5]));
    expect(allocate('bool', 1, 7)).toEqual(new Uint8Array([1]));
  });

  it('repeat their last row where more rows are needed', () => {
    const batch = {
      x: { data: new Float32Array([1, 2, 3, 4, 0, 0, 0, 0]), shape: [2] },
      s: { data: ['a', 'b', '', ''], shape: [] },
    };
    repeatLastRow(batch, 2, 4);
    expect(batch.x.data).toEqual(new Float32Array([1, 2, 3, 4, 3, 4, 3, 4]));
    expect(batch.s.data).toEqual(['a', 'b', 'b', 'b']);
  });

  it('have words for what JSON has no number for', () => {
    const floats = new Float32Array([NaN, Infinity, -Infinity, 1.5]);
    const json = JSON.stringify(nest({ data: floats, shape: [4] }, 0, 'float32'));
    expect(json).toBe('["NaN","Infinity","-Infinity",1.5]');
  });

  it('have strings for integers beyond 2^53', () => {
    const edge = 2n ** 53n;
    const integers = new BigInt64Array([edge - 1n, edge, -edge + 1n, -edge, 2n ** 63n - 1n]);
    const json = JSON.stringify(nest({ data: integers, shape: [5] }, 0, 'int64'));
    expect(json).toBe(
      '[9007199254740991,"9007199254740992",-9007199254740991,"-9007199254740992","9223372036854775807"]',
    );
  });

  it('may have a dimension of nothing', () => {
    const nothing = { data: new Float32Array(), shape: [0, 3] };
    expect(nest(nothing, 0, 'float32')).toEqual([]);
    flattenInto(nothing, 0, [], 'float32');
    expect(nothing.data).toHaveLength(0);
  });

  it('make true of every bool that is not zero', () => {
    const bools = { data: new Uint8Array([0, 1, 255]), shape: [3] };
    expect(nest(bools, 0, 'bool')).toEqual([false, true, true]);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Category, TabularField, TensorInfo } from '#libs/contracts';
import { InstanceError } from '../errors.js';
import { TabularEncoder } from './tabular.encoder.js';

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const absent = fc.constantFrom(null, undefined);
const CATEGORIES: Category[] = ['a', 'b', 1, 2];
const substitute = fc.constantFrom<('ignore' | { value: Category })[]>('ignore', { value: 'b' });
const placed = fc.constantFrom<('nan' | { value: Category } | { code: number })[]>(
  'nan',
  { value: 1 },
  { code: -1 },
);

/** A field without its name, and a value that it takes. */
const fieldAndValue: fc.Arbitrary<[object, unknown]> = fc.oneof(
  fc.tuple(fc.record({ mean: number, std: fc.double({ min: 0.1, max: 10, noNaN: true }) }), number),
  fc.tuple(
    fc.record({
      type: fc.constant('number' as const),
      mean: number,
      std: fc.double({ min: 0.1, max: 10, noNaN: true }),
      clip: fc.constantFrom<[number, number][]>([-5, 5], [0, 100]),
      missing: fc.oneof(number, fc.constant('nan' as const)),
    }),
    fc.oneof(number, absent),
  ),
  fc.tuple(
    fc.record({
      type: fc.constant('category' as const),
      categories: fc.constant(CATEGORIES),
      encoding: fc.constant('one-hot' as const),
      unknown: substitute,
      missing: substitute,
    }),
    fc.oneof(fc.constantFrom(...CATEGORIES, 'x', '1', ''), absent),
  ),
  fc.tuple(
    fc.record({
      type: fc.constant('category' as const),
      categories: fc.constant(CATEGORIES),
      encoding: fc.constant('ordinal' as const),
      unknown: placed,
      missing: placed,
    }),
    fc.oneof(fc.constantFrom(...CATEGORIES, 'x', '1', ''), absent),
  ),
  fc.tuple(
    fc.record({
      type: fc.constant('boolean' as const),
      missing: fc.constantFrom<(boolean | 'nan')[]>(true, false, 'nan'),
    }),
    fc.oneof(fc.boolean(), absent),
  ),
);

/** Word for word as the reference manual has it. */
function naive(field: TabularField, value: unknown): number[] {
  const isAbsent = value === null || value === undefined;
  if (field.type === 'boolean') {
    if (!isAbsent) return [value === true ? 1 : 0];
    return [field.missing === 'nan' ? NaN : field.missing === true ? 1 : 0];
  }
  if (field.type === 'category') {
    const { categories, encoding } = field;
    const given = categories.find((category) => category === value);
    const as = given === undefined ? (isAbsent ? field.missing : field.unknown) : { value: given };
    const oneHot = (of: Category | undefined) => categories.map((c) => (c === of ? 1 : 0));
    if (as === undefined) throw new Error('generated with substitutes');
    if (encoding === 'one-hot')
      return oneHot(typeof as === 'object' && 'value' in as ? as.value : undefined);
    if (typeof as !== 'object') return [NaN];
    return ['code' in as ? as.code : categories.indexOf(as.value)];
  }
  const { mean, std, clip, missing } = field;
  const raw = isAbsent ? (missing === 'nan' ? NaN : Number(missing)) : Number(value);
  const cut = clip && raw < clip[0] ? clip[0] : clip && raw > clip[1] ? clip[1] : raw;
  return [(cut - mean) / std];
}

/** Fields, and a row of values. */
const tables = fc.array(fieldAndValue, { minLength: 1, maxLength: 6 }).map((columns) => ({
  fields: columns.map(([field], i) => ({ ...field, name: `f${String(i)}` })) as TabularField[],
  values: columns.map(([, value]) => value),
}));

function encoderOf(fields: TabularField[], width: number): TabularEncoder {
  const x: TensorInfo = { name: 'x', dtype: 'float32', shape: ['N', width] };
  return new TabularEncoder({ kind: 'tabular', fields }, [x]);
}

describe('any fields', () => {
  it('are encoded as a naive reading of the manual has it, in any company, in either form', () => {
    fc.assert(
      fc.property(tables, fc.nat(3), ({ fields, values }, spare) => {
        const expected = fields.flatMap((field, i) => naive(field, values[i])).map(Math.fround);
        const width = expected.length;
        const sut = encoderOf(fields, width);
        const row = Object.fromEntries(fields.map(({ name }, i) => [name, values[i]]));
        const rows = [row, sut.sample, values];
        const encoded = sut.encode(rows, rows.length + spare)['x']?.data as Float32Array;
        const of = (i: number) => [...encoded.subarray(i * width, (i + 1) * width)];
        expect(of(0)).toEqual(expected);
        expect(of(2)).toEqual(expected);
        for (const [i, instance] of rows.entries()) {
          expect([...(sut.encode([instance], 1)['x']?.data as Float32Array)]).toEqual(of(i));
        }
        expect(of(3).every((element) => element === 0)).toBe(true);
      }),
    );
  });
});

describe('a category', () => {
  const field: TabularField = {
    type: 'category',
    name: 'sex',
    categories: ['f', 'm'],
    encoding: 'one-hot',
  };

  it.each([
    ['that is none of the list', { sex: 'x' }, 'sex has the value "x"'],
    ['that is missing', {}, 'sex is missing'],
  ])('%s, and has no substitute, is the fault of that instance', (_, instance, message) => {
    const encode = () => encoderOf([field], 2).encode([{ sex: 'f' }, instance], 2);
    expect(encode).toThrow(InstanceError);
    expect(encode).toThrow(message);
  });

  it('needs as many columns as there are categories', () => {
    expect(() => encoderOf([field], 1)).toThrow(
      "model.yaml gives columns [2], but the graph's x has [N, 1]",
    );
  });
});

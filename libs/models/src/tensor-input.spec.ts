import { describe, expect, it } from '@jest/globals';
import { DTYPES, type TensorInfo, type VersionDescription } from '#libs/contracts';
import { pointedErrorsOf } from '#libs/testing';
import { publishedInputSchema } from './input-schema.js';
import { InputValidator } from './input-validator.js';
import { parseManifest } from './manifest.js';
import { outputSchema } from './output-schema.js';

type Tensors = NonNullable<VersionDescription['tensors']>;

function version(tensors: Partial<Tensors>): VersionDescription {
  return {
    ...parseManifest('', 'm'),
    model: 'm',
    version: '1',
    tensors: { inputs: [], outputs: [], ...tensors },
  };
}

function errorsOf(inputs: TensorInfo[], input: unknown) {
  const sut = new InputValidator(version({ inputs }));
  return pointedErrorsOf(() => {
    sut.validate([input], false, undefined);
    return null;
  });
}

function accepts(inputs: TensorInfo[], input: unknown): boolean {
  return new InputValidator(version({ inputs })).validate([input], false, {}).length === 0;
}

const x = (shape: TensorInfo['shape'], dtype: TensorInfo['dtype'] = 'float32'): TensorInfo => ({
  name: 'x',
  dtype,
  shape: ['N', ...shape],
});

describe('the input of a raw graph', () => {
  it('goes by name, or by itself where there is only one', () => {
    expect(accepts([x([2])], { x: [1, 2] })).toBe(true);
    expect(accepts([x([2])], [1, 2])).toBe(true);
    expect(accepts([x([])], 5)).toBe(true);
    const two = [x([1]), { ...x([1]), name: 'y/z' }];
    expect(accepts(two, { x: [1], 'y/z': [2] })).toBe(true);
    expect(errorsOf(two, [1])).toMatchObject([{ pointer: '/input' }]);
    expect(errorsOf(two, { x: [1] })).toEqual([{ pointer: '/input/y~1z', message: 'is missing' }]);
  });

  it.each([
    [[2, 2], [[1, 2], [3]], '/input/1'],
    [[2, 2], [[1, 2]], '/input'],
    [[2, 2], [1, 2], '/input/0'],
    [[2], [1, [2]], '/input/1'],
    [[2], [1, '2'], '/input/1'],
    [['T'], [], '/input'],
    [['T', 2], [[1, 2], [3]], '/input/1'],
    [['T', 'U'], [[1, 2], [3]], '/input/1'],
    [['T', 'T'], [[1, 2]], '/input/0'],
    [['T', 'U'], [[1], 2], '/input/1'],
    [['T', 'U'], [[1], [[2]]], '/input/1/0'],
    [[2], null, '/input'],
  ] as [TensorInfo['shape'], unknown, string][])(
    'of shape %j is not %j',
    (shape, input, pointer) => {
      const [error, ...more] = errorsOf([x(shape)], input);
      expect(error?.pointer).toBe(pointer);
      expect(more).toEqual([]);
    },
  );

  it('has one size for each named dimension, across its inputs', () => {
    const two = [x(['T']), { ...x(['T', 'U']), name: 'y' }];
    expect(accepts(two, { x: [1, 2], y: [[1], [2]] })).toBe(true);
    expect(errorsOf(two, { x: [1, 2], y: [[1], [2], [3]] })).toEqual([
      { pointer: '/input/y', message: 'must have 2 items (dimension "T"), has 3' },
    ]);
  });

  it.each([
    ['float32', ['3.4028234663852886e38', '-1e-50', '0'], ['3.4028236e38', '1e400', '"1"', 'null']],
    ['float64', ['1.7976931348623157e308'], ['1e400', '-1e400', '"NaN"']],
    ['float16', ['65504', '-65504'], ['65505', '1e5']],
    ['int8', ['-128', '127', '1.0'], ['-129', '128', '0.5', 'true']],
    ['uint8', ['0', '255'], ['-1', '256']],
    ['int16', ['-32768', '32767'], ['-32769', '32768']],
    ['uint16', ['0', '65535'], ['-1', '65536']],
    ['int32', ['-2147483648', '2147483647'], ['-2147483649', '2147483648', '1e400']],
    ['uint32', ['0', '4294967295'], ['-1', '4294967296']],
    [
      'int64',
      ['9007199254740991', '"9223372036854775807"', '"-9223372036854775808"', '"0"', '-5'],
      ['9007199254740992', '"9223372036854775808"', '"-9223372036854775809"', '""', '"1.5"'].concat(
        ['"0x10"', '" 1"', '"1e3"', '"NaN"', `"${'9'.repeat(400)}"`, '1.5', '1e400'],
      ),
    ],
    ['uint64', ['0', '"18446744073709551615"'], ['-1', '"-1"', '"18446744073709551616"', '"+1"']],
    ['bool', ['true', 'false'], ['0', '1', '"true"', 'null']],
    ['string', ['""', '"a"', '"\\u0000"'], ['1', 'null', '["a"]']],
  ] as [TensorInfo['dtype'], string[], string[]][])(
    'of dtype %s has its range',
    (dtype, good, bad) => {
      for (const text of good) expect(accepts([x([1], dtype)], JSON.parse(`[${text}]`))).toBe(true);
      for (const text of bad) {
        expect(errorsOf([x([1], dtype)], JSON.parse(`[${text}]`))).toMatchObject([
          { pointer: '/input/0' },
        ]);
      }
    },
  );

  it('leaves out the mask of its padding, which is made from it', () => {
    const described = version({ inputs: [x(['T']), { ...x(['T']), name: 'mask' }] });
    const { batching } = described;
    const padded = { ...described, batching: { ...batching, padding: { value: 0, mask: 'mask' } } };
    const sut = new InputValidator(padded);
    expect(sut.validate([{ x: [1, 2] }, [1]], true, undefined)).toEqual([]);
    const errors = pointedErrorsOf(() => sut.validate([{ x: [1], mask: [1] }], false, undefined));
    expect(errors).toEqual([{ pointer: '/input/mask', message: 'is not a field of this model' }]);
  });

  it('that is wrong everywhere costs one error', () => {
    expect(errorsOf([x([100])], Array(100).fill('a'))).toHaveLength(1);
  });
});

describe('the schemas of a raw graph', () => {
  const outputs = DTYPES.map((dtype) => ({ name: dtype, dtype, shape: ['N', 2] }));

  it('show either form of the input', () => {
    const array = { type: 'array', minItems: 2, maxItems: 2 };
    expect(publishedInputSchema(version({ inputs: [x([2])] }))).toMatchObject({
      anyOf: [{ properties: { x: array }, required: ['x'], additionalProperties: false }, array],
    });
  });

  it('show that floats may come as words', () => {
    const schema = outputSchema(version({ inputs: [x([2])], outputs }));
    expect(schema).toMatchObject({
      properties: {
        float16: { items: { anyOf: [{}, { enum: ['NaN', 'Infinity', '-Infinity'] }] } },
        int64: { items: { type: ['integer', 'string'] } },
        string: { items: { type: 'string' } },
      },
      required: [...DTYPES],
    });
  });

  it('are not known before the graph was opened', () => {
    const unopened = { ...version({}), tensors: undefined };
    expect(publishedInputSchema(unopened)).toBeNull();
    expect(outputSchema(unopened)).toBeNull();
  });
});

import { describe, expect, it } from '@jest/globals';
import type { TabularInput, TensorInfo } from '#libs/contracts';
import { plainReason, ManifestMismatch } from '../errors.js';
import { TabularEncoder } from './tabular.encoder.js';
import { TensorEncoder } from './tensor.encoder.js';

const spec: TabularInput = {
  kind: 'tabular',
  fields: [
    { name: 'a', mean: 10, std: 2 },
    { name: 'b', mean: 0, std: 1 },
  ],
};
const x: TensorInfo = { name: 'x', dtype: 'float32', shape: ['N', 2] };

describe('TabularEncoder', () => {
  it('scales values, by name or in the order of the manifest', () => {
    const sut = new TabularEncoder(spec, [x]);
    const expected = { x: { data: new Float32Array([1, 5]), shape: [2] } };
    expect(sut.encode({ b: 5, a: 12 })).toEqual(expected);
    expect(sut.encode([12, 5])).toEqual(expected);
  });

  it.each<[string, TensorInfo[]]>([
    ['another number of fields', [{ ...x, shape: ['N', 3] }]],
    ['no batch dimension', [{ ...x, shape: [2] }]],
    ['another type', [{ ...x, dtype: 'float64' }]],
    ['two inputs', [x, { ...x, name: 'y' }]],
    ['no input', []],
  ])('refuses a graph with %s', (_, inputs) => {
    expect(() => new TabularEncoder(spec, inputs)).toThrow(ManifestMismatch);
  });

  it('goes to the tensor that the manifest names', () => {
    const sut = new TabularEncoder({ ...spec, tensor: 'y' }, [x, { ...x, name: 'y' }]);
    expect(Object.keys(sut.encode([1, 2]))).toEqual(['y']);
  });
});

describe('TensorEncoder', () => {
  it('takes inputs by name, or the only one by itself', () => {
    const y: TensorInfo = { name: 'y', dtype: 'int64', shape: ['N'] };
    expect(new TensorEncoder([x, y]).encode({ y: '9223372036854775807', x: [1, 2] })).toEqual({
      x: { data: new Float32Array([1, 2]), shape: [2] },
      y: { data: new BigInt64Array([2n ** 63n - 1n]), shape: [] },
    });
    expect(new TensorEncoder([x]).encode([1, 2])).toHaveProperty('x.shape', [2]);
  });
});

describe('plainReason', () => {
  it.each([
    ['Load model from /srv/models/iris/1/model.onnx failed', 'Load model from model.onnx failed'],
    ["ENOENT: open '/srv/a-b/c.d/model.onnx'", "ENOENT: open 'model.onnx'"],
    ['C:\\models\\iris\\model.onnx: bad', 'model.onnx: bad'],
    ['in /a/b.cc:12 and\n  /c/d.cc:3', 'in b.cc:12 and d.cc:3'],
    ['open /home/jürgen/models/x.onnx', 'open x.onnx'],
    ['nothing to hide', 'nothing to hide'],
  ])('of %p shows no path', (text, plain) => {
    expect(plainReason(new Error(text))).toBe(plain);
  });

  it('is never long', () => {
    expect(plainReason('x'.repeat(10_000))).toHaveLength(500);
  });
});

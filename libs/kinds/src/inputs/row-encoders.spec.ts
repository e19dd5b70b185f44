import { describe, expect, it } from '@jest/globals';
import type { Padding, TabularInput, TensorInfo, VersionDescription } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { openEncoder } from '../input-kinds.js';
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
    expect(sut.encode([{ b: 5, a: 12 }, [14, -1]], 3)).toEqual({
      x: { data: new Float32Array([1, 5, 2, -1, 0, 0]), shape: [2] },
    });
    expect(sut.encode([sut.sample], 1)['x']?.data).toEqual(new Float32Array(2));
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

  it('fills up a field that is missing, whatever it is called', () => {
    const fields = ['constructor', '__proto__'].map((name) => ({
      ...{ name, mean: 0, std: 1 },
      missing: 7,
    }));
    const sut = new TabularEncoder({ kind: 'tabular', fields }, [x]);
    expect(sut.encode([{}], 1)['x']?.data).toEqual(new Float32Array([7, 7]));
  });

  it('goes to the tensor that the manifest names', () => {
    const sut = new TabularEncoder({ ...spec, tensor: 'y' }, [x, { ...x, name: 'y' }]);
    expect(Object.keys(sut.encode([[1, 2]], 1))).toEqual(['y']);
  });

  it('refuses a graph that would lack another input', async () => {
    const input: TabularInput = { ...spec, tensor: 'y' };
    const inputs = [x, { ...x, name: 'y' }];
    const opening = openEncoder(described(inputs, undefined, input), inputs, '');
    await expect(opening).rejects.toThrow('also needs x');
  });
});

function described(
  inputs: TensorInfo[],
  padding?: Partial<Padding>,
  input: VersionDescription['input'] = { kind: 'tensor' },
): VersionDescription {
  return {
    model: 'm',
    version: '1',
    input,
    output: { kind: 'tensor' },
    batching: {
      max_batch_size: 64,
      max_queue_delay_ms: 2,
      padding: padding && { value: 0, ...padding },
    },
    warmup: { batch_sizes: [1] },
    instances: 1,
    lifecycle: { preload: true, keep_warm: 0, idle_unload_s: 0 },
    defaults: {},
    card: {},
    tensors: { inputs, outputs: [{ name: 'out', dtype: 'float32', shape: ['N'] }] },
  };
}

const tokens: TensorInfo = { name: 'tokens', dtype: 'int64', shape: ['N', 'T'] };
const mask: TensorInfo = { name: 'mask', dtype: 'bool', shape: ['N', 1, 'T'] };

describe('TensorEncoder', () => {
  it('takes inputs by name, or the only one by itself', () => {
    const y: TensorInfo = { name: 'y', dtype: 'int64', shape: ['N'] };
    const two = new TensorEncoder(described([x, y]));
    expect(two.encode([{ y: '9223372036854775807', x: [1, 2] }], 1)).toEqual({
      x: { data: new Float32Array([1, 2]), shape: [2] },
      y: { data: new BigInt64Array([2n ** 63n - 1n]), shape: [] },
    });
    const one = new TensorEncoder(described([x]));
    expect(one.encode([[1, 2], { x: [3, 4] }], 2)['x']?.data).toEqual(
      new Float32Array([1, 2, 3, 4]),
    );
  });

  it('keeps shapes apart without padding', () => {
    const sut = new TensorEncoder(described([tokens]));
    expect(sut.laneOf([1, 2])).toBe(sut.laneOf({ tokens: [5, 6] }));
    expect(sut.laneOf([1, 2])).not.toBe(sut.laneOf([1]));
    expect(sut.contextOf).toBeUndefined();
  });

  it('fills up to the longest of the run, and says in the mask with what', () => {
    const sut = new TensorEncoder(described([mask, tokens], { value: 9, mask: 'mask' }));
    expect(sut.laneOf([1])).toBe(sut.laneOf([1, 2, 3]));
    expect(sut.encode([[1], [1, 2, 3]], 2)).toEqual({
      tokens: { data: new BigInt64Array([1n, 9n, 9n, 1n, 2n, 3n]), shape: [3] },
      mask: { data: new Uint8Array([1, 0, 0, 1, 1, 1]), shape: [1, 3] },
    });
    expect(sut.contextOf?.([1, 2])).toEqual({ lengths: new Map([['T', 2]]) });
  });

  it('fills up to buckets in each dimension, and not at all what is longer', () => {
    const image: TensorInfo = { name: 'x', dtype: 'float32', shape: ['N', 'H', 'W'] };
    const sut = new TensorEncoder(described([image], { buckets: [2, 4] }));
    expect(sut.encode([[[1, 2, 3]]], 1)['x']).toEqual({
      data: new Float32Array([1, 2, 3, 0, 0, 0, 0, 0]),
      shape: [2, 4],
    });
    expect(sut.encode([[[1, 2, 3, 4, 5]]], 1)['x']?.shape).toEqual([2, 5]);
  });

  it('has a sample for warming up that is as long as the longest bucket', () => {
    const sut = new TensorEncoder(described([tokens, mask], { buckets: [2, 4], mask: 'mask' }));
    expect(sut.sample).toEqual({ tokens: [0, 0, 0, 0] });
    expect(sut.encode([sut.sample], 1)['mask']?.data).toEqual(new Uint8Array([1, 1, 1, 1]));
  });

  it.each<[string, unknown]>([
    ['another length', [1, 2, 3]],
    ['fewer dimensions', 1],
    ['more dimensions', [[1], [2]]],
    ['another name', { y: [1, 2] }],
  ])('refuses what was checked against a graph that has been replaced: %s', (_, instance) => {
    expect(() => new TensorEncoder(described([x])).laneOf(instance)).toThrow(InstanceError);
  });

  it('refuses inputs that disagree on a dimension', () => {
    const sut = new TensorEncoder(described([tokens, { ...tokens, name: 'types' }]));
    expect(() => sut.laneOf({ tokens: [1, 2], types: [1] })).toThrow('types');
  });

  it.each<[string, TensorInfo[], Partial<Padding>]>([
    ['nothing to fill', [x], {}],
    ['a mask that the graph does not have', [tokens], { mask: 'mask' }],
    ['a mask of another type', [tokens, { ...mask, dtype: 'float64' }], { mask: 'mask' }],
    ['a mask of fixed shape', [tokens, { ...mask, shape: ['N', 4] }], { mask: 'mask' }],
    ['a mask of its own length', [tokens, { ...mask, shape: ['N', 'U'] }], { mask: 'mask' }],
    ['nothing but a mask', [mask], { mask: 'mask' }],
    ['a value that the input cannot hold', [tokens], { value: 0.5 }],
    ['one beyond its range', [{ ...tokens, dtype: 'uint8' }], { value: -1 }],
  ])('refuses padding with %s', async (_, inputs, padding) => {
    const opening = openEncoder(described(inputs, padding), inputs, '');
    await expect(opening).rejects.toThrow(ManifestMismatch);
  });

  it('refuses padding for what has its shape from the manifest', async () => {
    const inputs: TensorInfo[] = [{ ...x, shape: ['N', 'F'] }];
    const opening = openEncoder(described(inputs, {}, spec), inputs, '');
    await expect(opening).rejects.toThrow(ManifestMismatch);
  });
});

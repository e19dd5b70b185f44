import { describe, expect, it } from '@jest/globals';
import type { Padding, TensorInfo, VersionDescription } from '#libs/contracts';
import { hasVariableShapes, laneOf, shapeSignature } from './shape-signature.js';

const x = (...shape: TensorInfo['shape']): TensorInfo => ({ name: 'x', dtype: 'float32', shape });

function version(inputs: TensorInfo[], padding?: Partial<Padding>, maxBatchSize = 64) {
  const batching = {
    max_batch_size: maxBatchSize,
    max_queue_delay_ms: 2,
    padding: padding && { value: 0, ...padding },
  };
  const outputs = [{ ...x('N'), name: 'y' }];
  const tensors = { inputs, outputs };
  return { input: { kind: 'tensor' }, batching, tensors } as unknown as VersionDescription;
}

describe('shapeSignature', () => {
  it.each<[string, TensorInfo[], unknown, string | null]>([
    ['a fixed shape', [x('N', 4)], [1, 2, 3, 4], null],
    ['a length', [x('N', 'T')], [1, 2, 3], '3'],
    ['a named input', [x('N', 'T')], { x: [1, 2, 3] }, '3'],
    ['a length behind a fixed dimension', [x('N', 2, 'T')], [[1], [2]], '1'],
    [
      'two lengths',
      [x('N', 'H', 'W')],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      '2x3',
    ],
    ['no length at all', [x('N', 'H', 'W')], [], '0x0'],
  ])('shows %s', (_, inputs, instance, signature) => {
    expect(shapeSignature(version(inputs), instance)).toBe(signature);
  });

  it('shows a dimension once, whichever inputs have it', () => {
    const inputs = [x('N', 'T'), { ...x('N', 'T', 'D'), name: 'y' }];
    expect(
      shapeSignature(version(inputs), {
        x: [1, 2],
        y: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      }),
    ).toBe('2x3');
  });

  it('leaves out the mask, which callers do not send', () => {
    const inputs = [{ ...x('N', 'T'), name: 'mask' }, x('N', 'T')];
    expect(shapeSignature(version(inputs, { mask: 'mask' }), [1, 2])).toBe('2');
  });

  it.each<[string, VersionDescription]>([
    ['an instance is the whole tensor', version([x('N', 'T')], undefined, 0)],
    ['one instance is run at a time', version([x('N', 'T')], undefined, 1)],
    ['the graph is not known', { ...version([x('N', 'T')]), tensors: undefined }],
    [
      'a row of fields has its length from the manifest',
      { ...version([x('N', 'F')]), input: { kind: 'tabular' } },
    ],
  ])('is null where %s', (_, sut) => {
    expect(hasVariableShapes(sut)).toBe(false);
    expect(shapeSignature(sut, [[1, 2]])).toBeNull();
  });
});

describe('laneOf', () => {
  const inputs = [x('N', 'H', 'W')];

  it('is the shape itself without padding', () => {
    expect(laneOf(version(inputs), '7x3')).toBe('7x3');
  });

  it('is one for all where instances are filled up to the longest', () => {
    expect(laneOf(version(inputs, {}), '7x3')).toBe('*');
  });

  it.each([
    ['7x3', '8x4'],
    ['4x8', '4x8'],
    ['9x1', '9x4'],
  ])('of %s is the bucket of each length, or a length above all: %s', (signature, lane) => {
    expect(laneOf(version(inputs, { buckets: [4, 8] }), signature)).toBe(lane);
  });
});

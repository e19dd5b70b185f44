import { describe, expect, it } from '@jest/globals';
import type { VersionDescription } from '#libs/contracts';
import { shapeOf } from './shape.js';

function versionOf(shape: (number | string)[]): VersionDescription {
  return {
    model: 'm',
    version: '1',
    description: '',
    input: { kind: 'tensor' },
    output: { kind: 'tensor' },
    batching: { max_batch_size: 8, max_queue_delay_ms: 0 },
    warmup: { batch_sizes: [] },
    instances: 1,
    lifecycle: { preload: true, keep_warm: 0, idle_unload_s: 0 },
    defaults: {},
    card: {},
    tensors: {
      inputs: [{ name: 'x', dtype: 'float32', shape }],
      outputs: [{ name: 'y', dtype: 'float32', shape: [shape[0] ?? 'n', 1] }],
    },
  };
}

describe('shapeOf', () => {
  it('is nothing where all instances have the same shape', () => {
    expect(shapeOf(versionOf(['n', 2]), [{ x: [1, 2] }])).toBeUndefined();
  });

  it('is one signature where the instances agree, else one for each', () => {
    const version = versionOf(['n', 'length']);
    const [short, long] = [{ x: [1, 2] }, { x: [1, 2, 3] }];
    expect(shapeOf(version, [short])).toEqual(expect.any(String));
    expect(shapeOf(version, [short, short])).toEqual(shapeOf(version, [short]));
    expect(shapeOf(version, [short, long, short])).toEqual([
      shapeOf(version, [short]),
      shapeOf(version, [long]),
      shapeOf(version, [short]),
    ]);
    expect(shapeOf(version, [short])).not.toEqual(shapeOf(version, [long]));
  });
});

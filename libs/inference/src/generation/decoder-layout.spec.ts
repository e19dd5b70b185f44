import { describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import { decoderLayout } from './decoder-layout.js';

const int64 = (name: string): TensorInfo => ({ name, dtype: 'int64', shape: ['b', 's'] });
const cache = (name: string, shape: TensorInfo['shape'] = ['b', 4, 'p', 32]): TensorInfo => ({
  name,
  dtype: 'float16',
  shape,
});
const INPUTS = [
  int64('input_ids'),
  cache('past_key_values.0.key'),
  cache('past_key_values.0.value'),
  int64('attention_mask'),
];
const OUTPUTS = [
  { name: 'logits', dtype: 'float32', shape: ['b', 's', 100] } as const satisfies TensorInfo,
  cache('present.0.key'),
  cache('present.0.value'),
] as TensorInfo[];

describe('decoderLayout', () => {
  it('finds its way by names', () => {
    const inputs = [...INPUTS, { ...int64('position_ids'), dtype: 'int32' as const }];
    const of = { dtype: 'float16', heads: 4, size: 32 };
    expect(decoderLayout({ inputs, outputs: OUTPUTS })).toEqual({
      ids: 'int64',
      mask: 'int64',
      positions: 'int32',
      caches: [
        { past: 'past_key_values.0.key', present: 'present.0.key', ...of },
        { past: 'past_key_values.0.value', present: 'present.0.value', ...of },
      ],
    });
    expect(decoderLayout({ inputs: INPUTS, outputs: OUTPUTS }).positions).toBeUndefined();
  });

  it.each<[string, TensorInfo[], TensorInfo[], string]>([
    ['no ids', INPUTS.slice(1), OUTPUTS, 'input_ids'],
    ['no mask', INPUTS.slice(0, 3), OUTPUTS, 'attention_mask'],
    ['no logits', INPUTS, OUTPUTS.slice(1), 'logits'],
    ['no cache', [int64('input_ids'), int64('attention_mask')], OUTPUTS, 'past_key_values'],
    ['a cache that is not given back', INPUTS, OUTPUTS.slice(0, 2), 'present.0.value'],
    ['what else it needs', [...INPUTS, int64('encoder_hidden')], OUTPUTS, 'encoder_hidden'],
    [
      'a cache of unknown heads',
      [...INPUTS, cache('past_key_values.1.key', ['b', 'h', 'p', 32])],
      OUTPUTS,
      'second and fourth',
    ],
  ])('refuses %s', (_name, inputs, outputs, reason) => {
    expect(() => decoderLayout({ inputs, outputs })).toThrow(reason);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Dtype, InputSpec, TabularInput, VersionDescription } from '#libs/contracts';
import { largestBodyBytes } from './body-size.js';

function versionOf(
  input: InputSpec,
  shape?: (number | string)[],
  dtype: Dtype = 'float32',
): VersionDescription {
  return {
    input,
    batching: { max_batch_size: 8, max_queue_delay_ms: 0 },
    tensors: shape && { inputs: [{ name: 'x', dtype, shape }], outputs: [] },
  } as unknown as VersionDescription;
}

const field = (name: string) => ({ name, mean: 0, std: 1 });
const raw: InputSpec = { kind: 'tensor' };

describe('largestBodyBytes', () => {
  it('suffices for the longest rows that there are', () => {
    const names = ['sepal_length', 'é"\\', '😀'];
    const row = Object.fromEntries(names.map((name) => [name, -1.7976931348623157e308]));
    const text = JSON.stringify({ inputs: Array<object>(1000).fill(row) }, undefined, 8);
    const fields = names.map(field);
    const largest = largestBodyBytes(versionOf({ kind: 'tabular', fields } as TabularInput)) ?? 0;
    expect(largest).toBeGreaterThan(Buffer.byteLength(text));
    expect(largest).toBeLessThan(10 * Buffer.byteLength(text));
  });

  it('suffices for tensors, however they are laid out', () => {
    const instance = { x: Array(3).fill(Array(2).fill(-1.7976931348623157e308)) };
    const text = JSON.stringify({ inputs: Array(1000).fill(instance) }, undefined, 8);
    const largest = largestBodyBytes(versionOf(raw, ['n', 3, 2])) ?? 0;
    expect(largest).toBeGreaterThan(text.length);
    expect(largest).toBeLessThan(10 * text.length);
  });

  it.each([
    ['a picture', versionOf({ kind: 'image' })],
    ['a dimension of any length', versionOf(raw, ['n', 'length'])],
    ['texts', versionOf(raw, ['n', 2], 'string')],
    ['a graph that is not known', versionOf(raw)],
  ])('is not known for %s', (_what, version) => {
    expect(largestBodyBytes(version)).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import { EmbeddingDecoder } from './embedding.decoder.js';
import { embedding } from './embedding.output.js';

const TOKENS: TensorInfo = { name: 'hidden', dtype: 'float32', shape: ['batch', 'sequence', 2] };
const POOLED: TensorInfo = { name: 'hidden', dtype: 'float32', shape: ['batch', 2] };

const open = (settings: object, output = TOKENS) =>
  new EmbeddingDecoder(embedding.settings.parse({ kind: 'embedding', ...settings }), [output]);
const vector = (text: string) => (JSON.parse(text) as { embedding: number[] }).embedding;

describe('EmbeddingDecoder', () => {
  /** Two rows of three tokens; of the second row, one is filling. */
  const outputs = {
    hidden: {
      shape: [3, 2],
      data: Float32Array.of(...[1, 2, 3, 4, 5, 6], ...[3, 0, 5, 2, 999, 999]),
    },
  };
  const two = { tokens: 2 };

  it.each([
    ['mean', [4, 1]],
    ['cls', [3, 0]],
    ['last_token', [5, 2]],
  ])('pools by %s what is not filling', (pooling, expected) => {
    const sut = open({ pooling, normalize: false });
    expect(vector(sut.decode(outputs, 1, {}, two))).toEqual(expected);
  });

  it('knows the length by the name of the dimension as well, or takes all', () => {
    const sut = open({ normalize: false });
    const lengths = new Map([['sequence', 2]]);
    expect(vector(sut.decode(outputs, 1, {}, { lengths }))).toEqual([4, 1]);
    expect(vector(sut.decode(outputs, 0, {}))).toEqual([3, 4]);
  });

  it('takes what the graph has pooled', () => {
    const sut = open({ pooling: 'none', normalize: false }, POOLED);
    const pooled = { hidden: { shape: [2], data: Float32Array.of(1, 2, 3, 4) } };
    expect(vector(sut.decode(pooled, 1, {}))).toEqual([3, 4]);
  });

  it('makes it of length 1, also what is left of it', () => {
    const sut = open({ pooling: 'last_token', min_dimensions: 1 });
    const [x = 0, y = 0] = vector(sut.decode(outputs, 1, {}, two));
    expect([x, y]).toEqual([5 / Math.sqrt(29), 2 / Math.sqrt(29)].map(Math.fround));
    expect(vector(sut.decode(outputs, 1, { dimensions: 1 }, two))).toEqual([1]);
    const zeros = { hidden: { shape: [3, 2], data: new Float32Array(6) } };
    expect(vector(sut.decode(zeros, 0, {}))).toEqual([0, 0]);
  });

  it('writes the same float32 as numbers and as base64', () => {
    const sut = open({});
    const asked = sut.decode(outputs, 0, { encoding_format: 'base64' });
    const { embedding: made } = JSON.parse(asked) as { embedding: string };
    const bytes = Buffer.from(made, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual(
      vector(sut.decode(outputs, 0, {})),
    );
    expect(bytes).toHaveLength(8);
  });

  it('fails what is no number', () => {
    const broken = { hidden: { shape: [1, 2], data: Float32Array.of(Number.NaN, 1) } };
    expect(() => open({}).decode(broken, 0, {})).toThrow('not finite');
  });

  it.each([
    [{}, POOLED, 'pooling mean is of [batch, tokens, dimensions]'],
    [{ pooling: 'none' }, TOKENS, 'pooling none is of [batch, dimensions]'],
    [{ min_dimensions: 3 }, TOKENS, 'output.min_dimensions is 3'],
    [{}, { ...TOKENS, dtype: 'int64' as const }, 'hidden is int64'],
  ])('refuses a graph that does not fit: %#', (settings, output, reason) => {
    expect(() => open(settings, output)).toThrow(reason);
  });
});

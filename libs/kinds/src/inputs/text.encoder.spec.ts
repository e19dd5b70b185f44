import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import { openTokenizer, type Tokenizer } from '../text/tokenizer.js';
import { TextEncoder } from './text.encoder.js';
import { text, type TextInput } from './text.input.js';

const GOLDEN = path.join(import.meta.dirname, '../../../../test/fixtures/golden/tokens');
const SPEC = { kind: 'text', tokenizer_file: 'tokenizer.json' };

const spec = (settings: object = {}): TextInput => text.settings.parse({ ...SPEC, ...settings });
const input = (name: string, of: Partial<TensorInfo> = {}): TensorInfo => ({
  name,
  dtype: 'int64',
  shape: ['batch', 'sequence'],
  ...of,
});
const IDS = input('input_ids');
const MASK = input('attention_mask');

describe('TextEncoder', () => {
  let bert: Tokenizer;
  let gpt2: Tokenizer;
  beforeAll(async () => {
    [bert, gpt2] = await Promise.all([
      openTokenizer(path.join(GOLDEN, 'bert'), { tokenizer_file: 'tokenizer.json' }),
      openTokenizer(path.join(GOLDEN, 'gpt2'), { tokenizer_file: 'tokenizer.json' }),
    ]);
  });
  const encoder = (settings = {}, inputs = [IDS, MASK]) =>
    new TextEncoder(spec(settings), inputs, bert);
  const [cls, sep, pad] = [2n, 3n, 0n];

  it('fills up to the longest of a run, and says so in the mask', () => {
    const sut = encoder({ pair: 'optional' }, [
      IDS,
      MASK,
      input('token_type_ids', { dtype: 'int32' }),
      input('position_ids'),
    ]);
    const [a, bc] = [sut.prepare('a'), sut.prepare({ text: 'a', text_pair: 'a a' })];
    const [id = 0] = bert.encode('a', { specialTokens: false });
    const x = BigInt(id);
    expect(sut.encode([a, bc], 3)).toEqual({
      input_ids: {
        shape: [6],
        data: BigInt64Array.of(
          ...[cls, x, sep, pad, pad, pad],
          ...[cls, x, sep, x, x, sep],
          ...[0n, 0n, 0n, 0n, 0n, 0n],
        ),
      },
      attention_mask: {
        shape: [6],
        data: BigInt64Array.of(
          ...[1n, 1n, 1n, 0n, 0n, 0n],
          ...[1n, 1n, 1n, 1n, 1n, 1n],
          ...[0n, 0n, 0n, 0n, 0n, 0n],
        ),
      },
      token_type_ids: {
        shape: [6],
        data: Int32Array.of(0, 0, 0, 0, 0, 0, ...[0, 0, 0, 1, 1, 1], ...[0, 0, 0, 0, 0, 0]),
      },
      position_ids: {
        shape: [6],
        data: BigInt64Array.of(
          0n,
          1n,
          2n,
          0n,
          0n,
          0n,
          ...[0n, 1n, 2n, 3n, 4n, 5n],
          ...[0n, 0n, 0n, 0n, 0n, 0n],
        ),
      },
    });
    expect(sut.contextOf(bc)).toEqual({ tokens: 6, lengths: new Map([['sequence', 6]]) });
  });

  it('has texts share a run with those of their bucket', () => {
    const lanes = (settings: object) => {
      const sut = encoder({ max_length: 40, ...settings });
      return [14, 15, 30, 99].map((words) => sut.laneOf(sut.prepare('a '.repeat(words))));
    };
    expect(lanes({})).toEqual(['16', '32', '32', '64']);
    expect(lanes({ buckets: [17] })).toEqual(['17', '17', '', '']);
    expect(new Set(lanes({ buckets: [] })).size).toBe(1);
  });

  it('fills up to the length that a graph has fixed', () => {
    const fixed = input('input_ids', { shape: ['batch', 8] });
    const sut = encoder({ max_length: 8 }, [fixed]);
    expect(sut.encode([sut.prepare('a')], 1)['input_ids']?.shape).toEqual([8]);
    expect(sut.contextOf(sut.prepare('a'))).toEqual({ tokens: 3, lengths: undefined });
    expect(() => encoder({}, [fixed])).toThrow(
      'input.max_length is 512, but the graph takes 8 tokens',
    );
  });

  it('cuts off what is too long, between the special tokens', () => {
    const ids = (truncation: string) =>
      (encoder({ max_length: 4, truncation }).prepare('a b c d') as { ids: number[] }).ids;
    const bare = bert.encode('a b c d', { specialTokens: false });
    expect(ids('right')).toEqual([2, ...bare.slice(0, 2), 3]);
    expect(ids('left')).toEqual([2, ...bare.slice(-2), 3]);
    expect(() => ids('off')).toThrow('has 6 tokens, and the model takes at most 4');
  });

  it('fills up with the token that the manifest says', () => {
    const made = (settings: object) => {
      const sut = encoder(settings);
      return sut.encode([sut.prepare('a'), sut.prepare('a a')], 2)['input_ids']?.data[3];
    };
    expect(made({ pad_token: '[MASK]' })).toBe(4n);
    expect(() => made({ pad_token: '<none>' })).toThrow(
      "input.pad_token <none> is not in the tokenizer's vocabulary",
    );
  });

  it('finds the inputs of a graph by the names that the manifest says', () => {
    const tensors = { input_ids: 'tokens', attention_mask: 'mask' };
    const mask = input('mask', { dtype: 'float32' });
    const sut = encoder({ tensors }, [input('tokens'), mask]);
    expect(sut.encode([sut.prepare('a')], 1)['mask']?.data).toEqual(Float32Array.of(1, 1, 1));
    expect(() => encoder({ tensors })).toThrow('the graph has no input tokens');
  });

  it.each([
    [[IDS, input('pixels')], 'the graph also needs pixels'],
    [[MASK], 'the graph has no input input_ids; it has attention_mask'],
    [[input('input_ids', { dtype: 'float32' })], 'input_ids is float32'],
    [[input('input_ids', { shape: ['n'] })], 'input_ids has [n]'],
  ])('refuses a graph that texts do not fit: %#', (inputs, reason) => {
    expect(() => encoder({}, inputs)).toThrow(reason);
  });

  it('refuses a length that special tokens alone would fill', () => {
    expect(() => encoder({ max_length: 3, pair: 'required' })).toThrow('must be above 3');
  });

  it('fails a text of which nothing is left', () => {
    const sut = new TextEncoder(spec(), [IDS], gpt2);
    expect(() => sut.prepare('')).toThrow('the tokenizer leaves nothing of the text');
  });
});

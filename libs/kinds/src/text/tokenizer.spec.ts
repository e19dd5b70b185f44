import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, mkdir, readFile, rm, writeFile, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MAX_TOKENIZER_BYTES, openTokenizer, type Tokenizer } from './tokenizer.js';

const GOLDEN = path.join(import.meta.dirname, '../../../../test/fixtures/golden/tokens');
const SPEC = { tokenizer_file: 'tokenizer.json' };

/** What Hugging Face's own implementation makes of a text: see make_tokens.py. */
interface Case {
  text: string;
  pair?: string;
  ids: number[];
  type_ids: number[];
  bare: number[];
  decoded: string;
  decoded_whole: string;
}

const golden = JSON.parse(await readFile(path.join(GOLDEN, 'cases.json'), 'utf8')) as Record<
  string,
  Case[]
>;

describe.each(Object.keys(golden))('a tokenizer like that of %s', (name) => {
  const cases = golden[name] ?? [];
  const shown = ({ text, pair }: Case) => JSON.stringify([text, pair]).slice(0, 60);
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await openTokenizer(path.join(GOLDEN, name), SPEC);
  });

  it.each(cases.map((found) => [shown(found), found] as const))('tokenizes %s', (_, found) => {
    const bare = (text: string) => tokenizer.encode(text, { specialTokens: false });
    if (found.pair !== undefined) {
      const { ids, typeIds } = tokenizer.assemble(bare(found.text), bare(found.pair));
      expect({ ids, typeIds }).toEqual({ ids: found.ids, typeIds: found.type_ids });
      return;
    }
    expect(bare(found.text)).toEqual(found.bare);
    expect(tokenizer.encode(found.text)).toEqual(found.ids);
    expect(tokenizer.assemble(found.bare).typeIds).toEqual(found.type_ids);
    expect(tokenizer.specialTokens(false)).toBe(found.ids.length - found.bare.length);
    expect(tokenizer.decode(found.ids)).toBe(found.decoded);
    expect(tokenizer.decode(found.ids, { skipSpecialTokens: false })).toBe(found.decoded_whole);
  });
});

describe('openTokenizer', () => {
  let model: string;
  beforeEach(async () => {
    model = await mkdtemp(path.join(tmpdir(), 'tokenizer-'));
    await mkdir(path.join(model, '1'));
  });
  afterEach(async () => {
    await rm(model, { recursive: true });
  });
  const open = () => openTokenizer(path.join(model, '1'), SPEC);

  it("prefers the version's own file to the model's", async () => {
    const [gpt2, bert] = await Promise.all(
      ['gpt2', 'bert'].map((name) => readFile(path.join(GOLDEN, name, 'tokenizer.json'))),
    );
    await writeFile(path.join(model, 'tokenizer.json'), gpt2 ?? '');
    expect((await open()).idOf('<|endoftext|>')).toBe(0);
    await writeFile(path.join(model, '1', 'tokenizer.json'), bert ?? '');
    expect((await open()).idOf('[CLS]')).toBe(2);
  });

  it('says what is wrong with the file', async () => {
    const file = path.join(model, '1', 'tokenizer.json');
    await expect(open()).rejects.toThrow(
      'tokenizer.json is neither beside model.onnx nor beside model.yaml',
    );
    await writeFile(file, 'no JSON');
    await expect(open()).rejects.toThrow('tokenizer.json cannot be used: Unexpected token');
    await writeFile(file, '{}');
    await expect(open()).rejects.toThrow('tokenizer.json cannot be used: ');
    await truncate(file, MAX_TOKENIZER_BYTES + 1);
    await expect(open()).rejects.toThrow('tokenizer.json has more than 67108864 bytes');
  });
});

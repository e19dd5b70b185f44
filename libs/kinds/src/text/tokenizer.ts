import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { frameOf, type Frame } from './special-tokens.js';
import { ManifestMismatch } from '../errors.js';
import { loadLibrary, type TokenizerLibrary } from './tokenizer.library.js';

/** Ones in use have 0.5 to 20 MB; a larger one is a mistake. */
export const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** Which `tokenizer.json` a version has. */
export interface TokenizerSpec {
  /** Beside `model.onnx`, or else beside `model.yaml`. */
  tokenizer_file: string;
}

/** One text or a pair, with special tokens, as a model takes it. */
export interface Encoding {
  ids: number[];
  /** As long as `ids`: 0 for the first text and 1 for the second, where the tokenizer tells them apart. */
  typeIds: number[];
}

/** Texts to token ids and back, as the `tokenizer.json` of Hugging Face says. Not told of in it: how much is cut off. */
export class Tokenizer {
  private readonly single: Frame;
  private readonly pair: Frame;

  constructor(private readonly library: TokenizerLibrary) {
    this.single = frameOf(library, false);
    this.pair = frameOf(library, true);
  }

  /** Token ids of a text. @param options.specialTokens the ones that go around it: without, only what it says itself. */
  encode(text: string, { specialTokens = true } = {}): number[] {
    const { ids } = this.library.encode(text, { add_special_tokens: false });
    return specialTokens ? this.assemble(ids).ids : ids;
  }

  /** Puts special tokens around token ids, which may have been cut off. */
  assemble(first: readonly number[], second?: readonly number[]): Encoding {
    const ids: number[] = [];
    const typeIds: number[] = [];
    for (const { put, typeId } of second ? this.pair : this.single) {
      const piece = put === 'first' ? first : put === 'second' ? (second ?? []) : [put];
      for (const id of piece) {
        ids.push(id);
        typeIds.push(typeId);
      }
    }
    return { ids, typeIds };
  }

  /** How many special tokens `assemble` adds. */
  specialTokens(isPair: boolean): number {
    return (isPair ? this.pair : this.single).filter(({ put }) => typeof put === 'number').length;
  }

  /** The text of token ids. What is half a character comes as U+FFFD. */
  decode(ids: readonly number[], { skipSpecialTokens = true } = {}): string {
    if (ids.length === 0) return '';
    return this.library.decode([...ids], {
      skip_special_tokens: skipSpecialTokens,
      clean_up_tokenization_spaces: false,
    });
  }

  /** Id of a token, such as `<|endoftext|>`, as the vocabulary spells it. */
  idOf(token: string): number | undefined {
    return this.library.token_to_id(token);
  }
}

/**
 * Reads the tokenizer of a version. Takes up to a second for a large vocabulary.
 * @param folder the version's own; its parent is looked in next.
 * @throws ManifestMismatch where it is missing, too large, or not a `tokenizer.json` that can be used.
 */
export async function openTokenizer(folder: string, spec: TokenizerSpec): Promise<Tokenizer> {
  const name = spec.tokenizer_file;
  const text = await readBeside(folder, name);
  const library = await loadLibrary();
  try {
    const json = JSON.parse(text) as { model?: { unk_token?: string } };
    // What only `tokenizer_config.json` used to say, by now `tokenizer.json` says as well.
    return new Tokenizer(new library.Tokenizer(json, { unk_token: json.model?.unk_token }));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ManifestMismatch(`${name} cannot be used: ${reason}`, { cause });
  }
}

async function readBeside(folder: string, name: string): Promise<string> {
  for (const file of [path.join(folder, name), path.join(path.dirname(folder), name)]) {
    const found = await stat(file).catch(() => null);
    if (found?.isFile() !== true) continue;
    if (found.size > MAX_TOKENIZER_BYTES) {
      throw new ManifestMismatch(`${name} has more than ${String(MAX_TOKENIZER_BYTES)} bytes`);
    }
    return readFile(file, 'utf8');
  }
  throw new ManifestMismatch(`${name} is neither beside model.onnx nor beside model.yaml`);
}

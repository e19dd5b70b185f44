import { isRecord, type TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import type { InputEncoder, InstanceContext } from '../input-kind.js';
import { allocate, type Batch } from '../tensors.js';
import type { Encoding, Tokenizer } from '../text/tokenizer.js';
import { cut, shareOf } from '../text/truncation.js';
import type { TextInput } from './text.input.js';
import { type TextRole, type TextTensor, textTensors } from './text.tensors.js';

/** As callers may send it. */
type TextInstance = string | { text: string; text_pair?: string };

const SHORTEST_BUCKET = 16;
/** What tokenizers are used to calling it. */
const PAD_TOKENS = ['[PAD]', '<pad>'];

/** Texts → token ids, filled up to the longest of a run, and a mask with a 1 for each that is a text's own. */
export class TextEncoder implements InputEncoder {
  readonly sample: Encoding;
  private readonly tensors: TextTensor[];
  /** Tokens of every row, or the graph's name for them where it leaves open how many. */
  private readonly length: number | string;
  /** Texts of one bucket share a run: as many tokens or fewer, and more than in the one before. */
  private readonly buckets: readonly number[];
  private readonly padId: number;

  /** @throws ManifestMismatch */
  constructor(
    private readonly spec: TextInput,
    inputs: readonly TensorInfo[],
    private readonly tokenizer: Tokenizer,
  ) {
    const { tensors, length } = textTensors(spec, inputs);
    this.tensors = tensors;
    this.length = length;
    this.buckets = typeof length === 'number' ? [] : (spec.buckets ?? doublings(spec.max_length));
    this.padId = padIdOf(spec, tokenizer);
    this.requireRoom();
    this.sample = this.tokenised(spec.pair === 'required' ? { text: 'a', text_pair: 'a' } : 'a');
  }

  /** @throws InstanceError for a text that is too long where nothing is cut off, or that comes to nothing. */
  prepare(instance: unknown): Encoding {
    const encoding = this.tokenised(instance as TextInstance);
    if (encoding.ids.length > 0) return encoding;
    throw new InstanceError('the tokenizer leaves nothing of the text');
  }

  laneOf(text: unknown): string {
    const { ids } = text as Encoding;
    return String(this.buckets.find((bucket) => bucket >= ids.length) ?? '');
  }

  contextOf(text: unknown): InstanceContext {
    const tokens = (text as Encoding).ids.length;
    const { length } = this;
    return {
      tokens,
      lengths: typeof length === 'string' ? new Map([[length, tokens]]) : undefined,
    };
  }

  encode(prepared: readonly unknown[], rows: number): Batch {
    const texts = prepared as readonly Encoding[];
    const longest = Math.max(...texts.map(({ ids }) => ids.length));
    const length = typeof this.length === 'number' ? this.length : longest;
    const batch: Batch = {};
    for (const { name, dtype, role } of this.tensors) {
      const data = allocate(dtype, rows * length, role === 'input_ids' ? this.padId : 0);
      const into = data as unknown[];
      texts.forEach((text, row) => {
        for (let i = 0; i < text.ids.length; i++) {
          const value = elementOf(text, role, i);
          into[row * length + i] = dtype === 'int64' ? BigInt(value) : value;
        }
      });
      batch[name] = { data, shape: [length] };
    }
    return batch;
  }

  private tokenised(instance: TextInstance): Encoding {
    const { text, text_pair: pair } = isRecord(instance) ? instance : { text: instance };
    const { max_length: most, truncation } = this.spec;
    const first = this.tokenizer.encode(text, { specialTokens: false });
    const second =
      pair === undefined ? undefined : this.tokenizer.encode(pair, { specialTokens: false });
    const room = most - this.tokenizer.specialTokens(second !== undefined);
    const [ofFirst, ofSecond] = shareOf(first.length, second?.length ?? 0, room);
    if (truncation === 'off') {
      const tokens = first.length + (second?.length ?? 0) + most - room;
      if (tokens <= most) return this.tokenizer.assemble(first, second);
      throw new InstanceError(
        `has ${String(tokens)} tokens, and the model takes at most ${String(most)}`,
      );
    }
    return this.tokenizer.assemble(
      cut(first, ofFirst, truncation),
      second && cut(second, ofSecond, truncation),
    );
  }

  /** @throws ManifestMismatch */
  private requireRoom(): void {
    const { max_length: most, pair } = this.spec;
    const specials = this.tokenizer.specialTokens(pair !== 'none');
    if (specials >= most) {
      throw new ManifestMismatch(
        `input.max_length must be above ${String(specials)}: so many special tokens are added`,
      );
    }
    if (typeof this.length === 'string' || most <= this.length) return;
    throw new ManifestMismatch(
      `input.max_length is ${String(most)}, but the graph takes ${String(this.length)} tokens`,
    );
  }
}

function elementOf({ ids, typeIds }: Encoding, role: TextRole, at: number): number {
  switch (role) {
    case 'input_ids':
      return ids[at] ?? 0;
    case 'token_type_ids':
      return typeIds[at] ?? 0;
    case 'position_ids':
      return at;
    case 'attention_mask':
      return 1;
  }
}

/** 16, 32, 64 and so on, up to what holds the longest. */
function doublings(longest: number): number[] {
  const found = [SHORTEST_BUCKET];
  for (let next = SHORTEST_BUCKET; next < longest; found.push(next)) next *= 2;
  return found;
}

/** What rows are filled up with; behind a mask, any will do. @throws ManifestMismatch */
function padIdOf({ pad_token: said }: TextInput, tokenizer: Tokenizer): number {
  const [found] = (said === undefined ? PAD_TOKENS : [said]).flatMap(
    (token) => tokenizer.idOf(token) ?? [],
  );
  if (found !== undefined || said === undefined) return found ?? 0;
  throw new ManifestMismatch(`input.pad_token ${said} is not in the tokenizer's vocabulary`);
}

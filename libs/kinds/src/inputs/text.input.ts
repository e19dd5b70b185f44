import { z } from 'zod';
import type { PointedError } from '#libs/contracts';
import { isRecord } from '#libs/contracts';
import type { InputKind } from '../input-kind.js';
import { NUMBER_BYTES, nameBytes } from '../json-bytes.js';
import { type JsonSchema, WELL_FORMED } from '../json-schema.js';
import { fileName, text as name } from '../settings.js';
import { openTokenizer } from '../text/tokenizer.js';
import { TextEncoder } from './text.encoder.js';

/** As most encoders have been trained with. */
const DEFAULT_LENGTH = 512;
const MAX_LENGTH = 131_072;
/** Some tokenizers take a second for ten times as many. */
const DEFAULT_CHARACTERS = 10_000;
const MAX_CHARACTERS = 1_000_000;

const length = z.number().int().min(1).max(MAX_LENGTH);

const settings = z.strictObject({
  kind: z.literal('text'),
  tokenizer_file: fileName,
  max_length: length.default(DEFAULT_LENGTH),
  truncation: z.enum(['right', 'left', 'off']).default('right'),
  max_characters: z.number().int().min(1).max(MAX_CHARACTERS).default(DEFAULT_CHARACTERS),
  pair: z.enum(['none', 'optional', 'required']).default('none'),
  buckets: z
    .array(length)
    .max(64)
    .refine((b) => b.every((size, i) => i === 0 || size > (b[i - 1] ?? 0)), 'must ascend')
    .optional(),
  pad_token: name.optional(),
  tensors: z
    .strictObject({
      input_ids: name.optional(),
      attention_mask: name.optional(),
      token_type_ids: name.optional(),
      position_ids: name.optional(),
    })
    .default({}),
});

/** A text, or two → token ids, a mask of them, and what else the graph takes, filled up to a common length. */
export type TextInput = z.infer<typeof settings>;

export const text: InputKind<TextInput> = {
  settings,

  schema({ input }): JsonSchema {
    const one = textSchema(input);
    const properties = { text: one, ...(input.pair !== 'none' && { text_pair: one }) };
    const required = ['text', ...(input.pair === 'required' ? ['text_pair'] : [])];
    return { type: 'object', properties, required, additionalProperties: false };
  },

  shortSchema({ input }): JsonSchema | null {
    return input.pair === 'required' ? null : textSchema(input);
  },

  checker() {
    return check;
  },

  largestBytes({ input: { max_characters: most, pair } }): number {
    // Escaped, a character beyond 16 bits takes twelve.
    const one = nameBytes('text_pair') + 12 * most + NUMBER_BYTES;
    return pair === 'none' ? one : 2 * one;
  },

  files({ tokenizer_file: file }): string[] {
    return [file];
  },

  async openEncoder({ input }, inputs, folder) {
    return new TextEncoder(input, inputs, await openTokenizer(folder, input));
  },
};

function textSchema({ max_characters: maxLength }: TextInput): JsonSchema {
  return { type: 'string', minLength: 1, maxLength, pattern: WELL_FORMED };
}

/** Schemas could say it by a pattern, which nobody would read. */
function check(instance: unknown, at: string): PointedError[] {
  const texts = isRecord(instance) ? Object.entries(instance) : [['', instance] as const];
  return texts
    .filter(([, value]) => typeof value === 'string' && value.trim() === '')
    .map(([field]) => ({
      pointer: field === '' ? at : `${at}/${field}`,
      message: 'must not be blank',
    }));
}

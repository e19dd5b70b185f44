import { z } from 'zod';
import { ManifestMismatch } from '../errors.js';
import { answerSchema, type JsonSchema, WELL_FORMED } from '../json-schema.js';
import type { CallParameters, OutputKind, WithOutput } from '../output-kind.js';
import { finite, text } from '../settings.js';

const DEFAULT_TOKENS = 256;
const MAX_CONTEXT = 1_048_576;
const MAX_STOPS = 4;
const MAX_STOP_LENGTH = 20;

const tokens = z.number().int().min(1).max(MAX_CONTEXT);

const settings = z
  .strictObject({
    kind: z.literal('generation'),
    context_length: z.number().int().min(2).max(MAX_CONTEXT),
    eos_token: z.union([text.transform((one) => [one]), z.array(text).min(1).max(16)]).default([]),
    max_tokens: tokens.optional(),
    default_max_tokens: tokens.optional(),
    temperature: finite.min(0).max(2).default(1),
    top_k: z.number().int().min(1).optional(),
    top_p: finite.gt(0).max(1).optional(),
    repetition_penalty: finite.gt(0).max(2).default(1),
  })
  .transform((output, context) => {
    const { context_length: room, max_tokens: most = room - 1 } = output;
    const { default_max_tokens: usual = Math.min(DEFAULT_TOKENS, most) } = output;
    const complain = (message: string, path: string) => {
      context.addIssue({ code: 'custom', message, path: [path] });
    };
    if (most >= room)
      complain('must be below context_length: the prompt has a token', 'max_tokens');
    if (usual > most) complain('must not be above max_tokens', 'default_max_tokens');
    return { ...output, max_tokens: most, default_max_tokens: usual };
  });

/** Scores of the next token, token by token → text. */
export type GenerationOutput = z.infer<typeof settings>;
type Version = WithOutput<GenerationOutput>;

/** What a call asks for, and the manifest where it says nothing. */
export interface GenerationOptions {
  maxTokens: number;
  /** 0: the likeliest token is taken each time. */
  temperature: number;
  topK: number | undefined;
  topP: number | undefined;
  repetitionPenalty: number;
  /** Undefined: chance is not the caller's. */
  seed: number | undefined;
  /** The text ends before the first of these. */
  stop: string[];
}

export const generation: OutputKind<GenerationOutput> = {
  settings,
  tellsText: true,

  schema(): JsonSchema {
    return answerSchema({
      text: { type: 'string' },
      finish_reason: { type: 'string', enum: ['stop', 'length'] },
      usage: answerSchema({
        prompt_tokens: { type: 'integer', minimum: 1 },
        completion_tokens: { type: 'integer', minimum: 0 },
      }),
    });
  },

  parameters({ output }: Version) {
    return {
      max_tokens: {
        type: 'integer',
        minimum: 1,
        maximum: output.max_tokens,
        default: output.default_max_tokens,
      },
      temperature: { type: 'number', minimum: 0, maximum: 2, default: output.temperature },
      top_k: { type: 'integer', minimum: 1, ...byDefault(output.top_k) },
      top_p: { type: 'number', exclusiveMinimum: 0, maximum: 1, ...byDefault(output.top_p) },
      repetition_penalty: {
        type: 'number',
        exclusiveMinimum: 0,
        maximum: 2,
        default: output.repetition_penalty,
      },
      seed: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      // In one schema rather than two, so that a sequence that is too long is told to be that.
      stop: {
        type: ['string', 'array'],
        ...stopSequence,
        minItems: 1,
        maxItems: MAX_STOPS,
        items: { type: 'string', ...stopSequence },
      },
    };
  },

  /** Its answers are made of many runs of the graph, by a decoder of another sort. */
  openDecoder() {
    throw new ManifestMismatch('output.kind generation needs input.kind text');
  },
};

const stopSequence = { minLength: 1, maxLength: MAX_STOP_LENGTH, pattern: WELL_FORMED };

function byDefault(value: number | undefined): JsonSchema {
  return value === undefined ? {} : { default: value };
}

/** @param parameters of the call, which fit the schema. */
export function generationOptions(
  output: GenerationOutput,
  parameters: CallParameters,
): GenerationOptions {
  const asked = parameters as Partial<Record<string, number>> & { stop?: string | string[] };
  return {
    maxTokens: asked['max_tokens'] ?? output.default_max_tokens,
    temperature: asked['temperature'] ?? output.temperature,
    topK: asked['top_k'] ?? output.top_k,
    topP: asked['top_p'] ?? output.top_p,
    repetitionPenalty: asked['repetition_penalty'] ?? output.repetition_penalty,
    seed: asked['seed'],
    stop: [asked.stop ?? []].flat(),
  };
}

import { z } from 'zod';
import { type PointedError, ProblemError } from '#libs/contracts';
import { requireOnly } from '../graph.js';
import type { InputKind, WithInput } from '../input-kind.js';
import { text } from '../settings.js';
import { PCM_ENCODINGS, readRecording, SAMPLE_RATES } from './audio-format.js';
import { AudioEncoder } from './audio.encoder.js';

const DEFAULT_DURATION_S = 60;
const MAX_DURATION_S = 600;

const rate = z.number().int().min(SAMPLE_RATES.lowest).max(SAMPLE_RATES.highest);
const samples = z.number().int().min(1).max(10_000_000);
const ms = z
  .number()
  .positive()
  .max(MAX_DURATION_S * 1000);

const frame = z.union([
  z.strictObject({ length: samples, hop: samples }),
  z.strictObject({ length_ms: ms, hop_ms: ms }),
]);

const settings = z
  .strictObject({
    kind: z.literal('audio'),
    tensor: text.optional(),
    sample_rate: rate,
    length: samples.optional(),
    length_ms: ms.optional(),
    max_duration_s: z.number().positive().max(MAX_DURATION_S).default(DEFAULT_DURATION_S),
    frame: frame.optional(),
    normalize: z.enum(['none', 'peak', 'variance']).default('none'),
  })
  .refine(({ length, length_ms }) => length === undefined || length_ms === undefined, {
    message: 'takes length or length_ms, not both',
    path: ['length_ms'],
  })
  .transform(({ length_ms, ...input }) => {
    const inSamples = (time: number): number =>
      Math.max(1, Math.round((time * input.sample_rate) / 1000));
    const { length = length_ms === undefined ? undefined : inSamples(length_ms), frame } = input;
    const frames =
      frame && 'hop_ms' in frame
        ? { length: inSamples(frame.length_ms), hop: inSamples(frame.hop_ms) }
        : frame;
    return { ...input, length, frame: frames };
  })
  .refine(({ length = Infinity, frame }) => !frame || frame.length <= length, {
    message: 'must not be longer than the recording is made',
    path: ['frame'],
  });

/** A recording → float32 `[samples]` or `[frames, samples of a frame]`, -1 to 1 unless it is normalised. */
export type AudioInput = z.infer<typeof settings>;

export const audio: InputKind<AudioInput> = {
  settings,
  takesFiles: true,

  schema() {
    return {
      type: ['string', 'object'],
      contentEncoding: 'base64',
      description:
        'A WAV file: base64, or a data URI; or upload it as multipart/form-data. Or raw PCM of one channel.',
      properties: {
        pcm: { type: 'string', contentEncoding: 'base64' },
        sample_rate: {
          type: 'integer',
          minimum: SAMPLE_RATES.lowest,
          maximum: SAMPLE_RATES.highest,
        },
        encoding: { type: 'string', enum: PCM_ENCODINGS },
      },
      required: ['pcm', 'sample_rate', 'encoding'],
      additionalProperties: false,
    };
  },

  checker({ input }: WithInput<AudioInput>) {
    return (instance, at) => check(instance, at, input.max_duration_s);
  },

  openEncoder({ input }: WithInput<AudioInput>, inputs) {
    return AudioEncoder.open(input, inputs).then((encoder) => requireOnly(encoder, inputs));
  },
};

/** @throws ProblemError of its own for a recording that could be heard, and is not to be. */
function check(instance: unknown, at: string, maxDurationS: number): PointedError[] {
  const read = readRecording(instance, maxDurationS);
  if (!('message' in read)) return [];
  const pointer = read.field === undefined ? at : `${at}/${read.field}`;
  const errors = [{ pointer, message: read.message }];
  if (read.code === 'invalid-input') return errors;
  throw new ProblemError(read.code, 'Send another recording; see errors.', { errors });
}

import { z } from 'zod';
import { aboveZero, finite } from './settings.js';

const range = z
  .tuple([finite, finite])
  .refine(([low, high]) => low < high, 'the first number must be below the second');

export const interval = range.readonly();

/** What a model's numbers were scaled with for its training, in scikit-learn's terms. */
export const scaler = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('standard'), mean: finite, std: aboveZero }),
  z
    .strictObject({
      kind: z.literal('min-max'),
      minimum: finite,
      maximum: finite,
      range: range.default([0, 1]),
    })
    .refine((s) => s.minimum < s.maximum, {
      message: 'minimum must be below maximum',
      path: ['minimum'],
    }),
  z.strictObject({ kind: z.literal('robust'), center: finite, scale: aboveZero }),
]);
export type Scaler = z.infer<typeof scaler>;

/** Every scaler is a shift and a scale: what `(value - mean) / std` needs to do the same. */
export function shiftAndScale(scaler: Scaler): { mean: number; std: number } {
  switch (scaler.kind) {
    case 'standard':
      return { mean: scaler.mean, std: scaler.std };
    case 'min-max': {
      const [low, high] = scaler.range;
      const std = (scaler.maximum - scaler.minimum) / (high - low);
      return { mean: scaler.minimum - low * std, std };
    }
    case 'robust':
      return { mean: scaler.center, std: scaler.scale };
  }
}

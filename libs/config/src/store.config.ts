import { z } from 'zod';
import { optionalText, wholeNumber } from './fields.js';

/** Where inputs and outputs go that are too large to travel with their job. */
export const storeSchema = z.object({
  INLINE_LIMIT_BYTES: wholeNumber(512, 16 * 1024 * 1024, 65_536).describe(
    'Inputs and outputs beyond it are stored apart from their job',
  ),
  STORE_URL: optionalText()
    .pipe(
      z
        .string()
        .regex(
          /^(s3|file):\/\/[^@]+$/,
          'must be s3://bucket/prefix or file:///folder, without a key',
        )
        .optional(),
    )
    .describe(
      'Where what is stored apart goes: s3://bucket/prefix?endpoint=…&region=… or file:///folder; unset: Redis',
    ),
  AWS_ACCESS_KEY_ID: optionalText().describe('Key that may read and write the bucket of STORE_URL'),
  AWS_SECRET_ACCESS_KEY: optionalText().describe('Its secret'),
  AWS_SESSION_TOKEN: optionalText().describe('Token of a key that is valid for a while'),
});

import { z } from 'zod';
import { list, optionalText, wholeNumber } from './fields.js';

/** Callbacks and every other call that leaves the house. */
export const webhooksSchema = z.object({
  WEBHOOK_SECRET: optionalText()
    .pipe(
      z
        .string()
        .regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'must be whsec_ and at least 24 bytes in base64')
        .optional(),
    )
    .describe('Signs webhooks; unset: made once and kept in Redis'),
  OUTBOUND_ALLOW: list().describe(
    'Hosts, addresses or CIDRs that outbound calls may reach although they are not public',
  ),
  WEBHOOK_TIMEOUT_S: wholeNumber(1, 60, 15).describe('Longest wait for a receiver'),
  COURIER_CONCURRENCY: wholeNumber(1, 1000, 100).describe('Deliveries under way at once'),
});

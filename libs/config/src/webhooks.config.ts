import { isIP } from 'node:net';
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
  OUTBOUND_ALLOW: list()
    .refine((entries) => entries.every(isHostOrRange), 'must be hosts, addresses or CIDRs')
    .describe(
      'Hosts, addresses or CIDRs that outbound calls may reach although they are not public',
    ),
  WEBHOOK_TIMEOUT_S: wholeNumber(1, 20, 15).describe('Longest wait for a receiver'),
  WEBHOOK_FIRST_RETRY_MS: wholeNumber(10, 3_600_000, 5000).describe(
    'Delay before the second attempt; it doubles from there, up to 18 attempts',
  ),
  COURIER_CONCURRENCY: wholeNumber(1, 1000, 100).describe('Deliveries under way at once'),
});

function isHostOrRange(entry: string): boolean {
  const [address = '', bits] = entry.split('/');
  if (bits === undefined) return true;
  const most = isIP(address) === 6 ? 128 : isIP(address) === 4 ? 32 : -1;
  return /^[0-9]{1,3}$/.test(bits) && Number(bits) <= most;
}

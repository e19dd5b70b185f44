import { z } from 'zod';
import { eachEntry, list, wholeNumber } from './fields.js';
import { isNameServer, parseOutboundRule } from './outbound-rule.js';

const SECRET = /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/;

/** Callbacks and every other call that leaves the house. */
export const webhooksSchema = z.object({
  WEBHOOK_SECRET: list()
    .refine(
      (secrets) => secrets.length <= 2 && secrets.every((secret) => SECRET.test(secret)),
      'must be whsec_ and at least 24 bytes in base64, or two of them, comma-separated',
    )
    .describe('Sign webhooks, the newest first; unset: each API key has a secret of its own'),
  OUTBOUND_ALLOW: list()
    .superRefine(
      eachEntry(
        (entry) => parseOutboundRule(entry) !== null,
        'a host, address or CIDR, host:port, address:port, [v6]:port or *:port',
      ),
    )
    .describe(
      'What outbound calls may reach although it is not public or not at the default port: hosts, addresses, CIDRs, `host:port`, `address:port`, `*:port`',
    ),
  OUTBOUND_DNS: list()
    .superRefine(eachEntry(isNameServer, 'an address, address:port or [v6]:port'))
    .describe("Name servers that outbound calls ask; unset: the system's"),
  WEBHOOK_TIMEOUT_S: wholeNumber(1, 20, 15).describe('Longest wait for a receiver'),
  WEBHOOK_FIRST_RETRY_MS: wholeNumber(10, 3_600_000, 5000).describe(
    'Delay before the second attempt; it doubles from there, up to 18 attempts',
  ),
  WEBHOOK_DISABLE_AFTER_S: wholeNumber(60, 2_592_000, 432_000).describe(
    'Nothing more is sent to a receiver that has taken nothing for so long',
  ),
  COURIER_CONCURRENCY: wholeNumber(1, 10_000, 500).describe('Deliveries under way at once'),
  RECEIVER_CONCURRENCY: wholeNumber(1, 1000, 20).describe(
    'Of those of all couriers, for one API key to one host and port that takes them quickly',
  ),
});

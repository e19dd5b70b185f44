import { z } from 'zod';
import { eachEntry, flag, list, optionalText, origins, wholeNumber } from './fields.js';
import { isProxy } from './proxy.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/** What the api listens on and who may use it. */
export const serverSchema = z.object({
  HOST: z.string().default('127.0.0.1').describe('Address the api listens on'),
  PORT: wholeNumber(0, 65_535, 3000).describe('Port of the api; 0 takes a free one'),
  OPS_PORT: wholeNumber(0, 65_535, 0).describe(
    'Port for health and metrics of a worker or courier, on HOST; 0 takes a free one',
  ),
  PUBLIC_URL: optionalText()
    .pipe(z.url({ protocol: /^https?$/ }).optional())
    .describe('Base of the URLs given to clients; unset: as the request came in'),
  API_KEYS: optionalText().describe(
    'Keys that may call the api: `name:key` or `name:key:scope+scope`, comma-separated',
  ),
  API_KEYS_FILE: optionalText().describe('A file with the same, one a line'),
  AUTH: z
    .enum(['required'], { error: 'must be required, or unset' })
    .optional()
    .describe(
      '`required`: nobody gets in without a key, also while there is none; unset: as soon as there is one',
    ),
  TRUST_PROXY: list()
    .superRefine(eachEntry(isProxy, 'an address, a CIDR, loopback, linklocal or uniquelocal'))
    .describe(
      'Proxies whose X-Forwarded-For, -Proto and -Host are believed: addresses, CIDRs, `loopback`, `linklocal`, `uniquelocal`',
    ),
  BOARD_PASSWORD: optionalText().describe('Password of Bull Board (user `admin`)'),
  BODY_LIMIT_BYTES: wholeNumber(1024, 256 * 1024 * 1024, 10 * 1024 * 1024).describe(
    'Largest request body',
  ),
  REQUEST_TIMEOUT_S: wholeNumber(1, 3600, 60).describe(
    'How long a request may take to come in, headers and body',
  ),
  EVENTS_HEARTBEAT_S: wholeNumber(1, 300, 15).describe(
    'How often an event stream that has nothing to tell is kept open by a comment; a reader that takes nothing for four times as long is dropped',
  ),
  CORS_ORIGINS: origins().describe(
    'Origins whose pages may call the api from a browser, comma-separated; unset: none',
  ),
  DOCS: flag(true).describe('Serve the OpenAPI pages at /docs'),
});

import { z } from 'zod';
import { flag, optionalText, wholeNumber } from './fields.js';

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
  BOARD_PASSWORD: optionalText().describe('Password of Bull Board (user `admin`)'),
  BODY_LIMIT_BYTES: wholeNumber(1024, 256 * 1024 * 1024, 10 * 1024 * 1024).describe(
    'Largest request body',
  ),
  EVENTS_HEARTBEAT_S: wholeNumber(1, 300, 15).describe(
    'How often an event stream that has nothing to tell is kept open by a comment; a reader that takes nothing for four times as long is dropped',
  ),
  DOCS: flag(true).describe('Serve the OpenAPI pages at /docs'),
});

import type { HeaderObject, HeadersObject } from '@nestjs/swagger';

/** The headers of answers, each described once; responses refer to them. */
export const HEADERS = {
  'X-Request-ID': {
    description: 'Of this request: on its log lines, too, on its job and on that job’s callbacks',
    required: true,
    schema: { type: 'string' },
  },
  Location: { description: 'Path of the job', required: true, schema: { type: 'string' } },
  'Retry-After': {
    description: 'Seconds to wait',
    required: true,
    schema: { type: 'integer', minimum: 0 },
  },
  'Preference-Applied': {
    description: 'What of `Prefer` was applied; absent where nothing was',
    schema: { type: 'string' },
  },
  'Cache-Control': { required: true, schema: { type: 'string', enum: ['no-store'] } },
  ETag: {
    description: 'Of this revision: send it as `If-Match` to change no other',
    required: true,
    schema: { type: 'string', example: '"3"' },
  },
  Vary: { schema: { type: 'string', enum: ['Prefer'] } },
  'Idempotency-Replayed': {
    description: 'An earlier request with this `Idempotency-Key` has submitted the job',
    schema: { type: 'string', enum: ['true'] },
  },
  RateLimit: {
    description:
      'Where a limit holds: what is left of it, and seconds until all of it is there again (draft-ietf-httpapi-ratelimit-headers)',
    schema: { type: 'string', example: '"default";r=57;t=1' },
  },
  'RateLimit-Policy': {
    description: 'Where a limit holds: so many requests in so many seconds',
    schema: { type: 'string', example: '"default";q=100;w=1' },
  },
  'WWW-Authenticate': { required: true, schema: { type: 'string', enum: ['Bearer'] } },
} as const satisfies Record<string, HeaderObject>;

export type HeaderName = keyof typeof HEADERS;

/** References to those headers. */
export function headers(...names: HeaderName[]): HeadersObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

import { applyDecorators } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiResponse } from '@nestjs/swagger';
import { JobSchema, ProblemSchema } from './schemas.js';

const REQUEST_ID = {
  'X-Request-ID': { schema: { type: 'string' as const }, description: 'On every log line, too' },
};

/** 202: accepted, and on disk as far as the configured durability says. */
export function ApiJobAccepted() {
  return ApiAcceptedResponse({
    type: JobSchema,
    description: 'The job was accepted and will reach an end',
    headers: {
      ...REQUEST_ID,
      Location: { schema: { type: 'string' }, description: 'The job' },
      'Retry-After': { schema: { type: 'integer' }, description: 'Seconds' },
    },
  });
}

/** 200: the job as it stands. */
export function ApiJob() {
  return ApiOkResponse({ type: JobSchema, headers: REQUEST_ID });
}

const MEANINGS: Record<number, string> = {
  400: 'Malformed request',
  401: 'A valid API key is needed',
  404: 'There is no such thing, or it is not yours',
  413: 'The body is too large',
  415: 'The content type is not supported',
  422: 'The body does not validate; `errors` point into it',
  503: 'Not now; see Retry-After',
};

/** The problems that a route can answer with. */
export function ApiProblems(...statuses: number[]) {
  return applyDecorators(
    ...statuses.map((status) =>
      ApiResponse({
        status,
        description: MEANINGS[status] ?? '',
        headers: REQUEST_ID,
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      }),
    ),
  );
}

export const EXTRA_SCHEMAS = [ProblemSchema];

import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import { MAX_WAIT_S } from '../http/prefer.js';

/** The `Prefer` header of RFC 7240. */
export function ApiPrefer() {
  return ApiHeader({
    name: 'Prefer',
    required: false,
    description: `RFC 7240. \`wait=N\`: answer once the job has ended, within N seconds (at most ${MAX_WAIT_S}); \`respond-async\`: 202 where that takes longer. What is malformed or unknown is ignored`,
    schema: { type: 'string', example: 'respond-async, wait=10' },
  });
}

/** The event stream of a job. */
export function ApiEvents() {
  return applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description: 'The `id` of the last event received: the stream goes on after it',
      schema: { type: 'string', example: '1-65' },
    }),
    ApiOkResponse({
      description:
        'Events `status`, `output`, `progress` and `end`, each with an `id`; ends after `end`',
      content: { 'text/event-stream': { schema: { $ref: '#/components/schemas/JobStreamEvent' } } },
    }),
    ApiNoContentResponse({ description: 'The job has ended, and `Last-Event-ID` was its `end`' }),
  );
}

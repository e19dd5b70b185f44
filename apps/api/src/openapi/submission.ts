import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import { type HeaderName, headers } from './headers.js';
import { ApiJobAccepted } from './responses.js';
import { JobSchema } from './schemas.js';
import { ApiPrefer } from './waiting.js';

/** What the headers of a submission may bring about. */
const BROUGHT_ABOUT: HeaderName[] = ['Preference-Applied', 'Vary', 'Idempotency-Replayed'];

/** The headers of a submission, and its answers: 202; or 200, where the job has ended before that. */
export function ApiSubmission() {
  return applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Sent again with the same request within 24 hours, it makes no second job',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
    }),
    ApiPrefer(),
    ApiHeader({
      name: 'traceparent',
      required: false,
      description: 'W3C trace context; kept with the job, and sent with its callbacks',
      schema: { type: 'string' },
    }),
    ApiJobAccepted(...BROUGHT_ABOUT),
    ApiOkResponse({
      type: JobSchema,
      description:
        'The job, which has ended: within the `wait` of `Prefer`, or since an earlier request with this `Idempotency-Key`',
      headers: headers('Location', ...BROUGHT_ABOUT),
    }),
  );
}

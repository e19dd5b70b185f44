import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiQuery, getSchemaPath } from '@nestjs/swagger';
import { VERSION_REFERENCE } from '#libs/contracts';
import { EVENTS_TYPE } from '../http/accept.js';
import { SCHEMAS } from './components.js';
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
      name: 'Last-Event-ID',
      required: false,
      description:
        'With an `Idempotency-Key` that was sent before: the events go on after this one. Otherwise ignored',
      schema: { type: 'string' },
    }),
    ApiHeader({
      name: 'Cache-Control',
      required: false,
      description:
        'Where the model keeps results: `no-cache`: the job is computed anew; `no-store`: its result is not kept either. Others are ignored',
      schema: { type: 'string' },
    }),
    ApiHeader({
      name: 'traceparent',
      required: false,
      description: 'W3C trace context; kept with the job, and sent with its callbacks',
      schema: { type: 'string' },
    }),
    ApiJobAccepted(...BROUGHT_ABOUT),
    ApiExtraModels(JobSchema),
    ApiOkResponse({
      description:
        'The job, which has ended: within the `wait` of `Prefer`, since an earlier request with this `Idempotency-Key`, or at once where the result of an identical job is kept (`cached`). Or its events, where `Accept` asks for `text/event-stream`',
      content: {
        'application/json': { schema: { $ref: getSchemaPath(JobSchema) } },
        [EVENTS_TYPE]: { schema: { $ref: `${SCHEMAS}JobStreamEvent` } },
      },
      headers: headers('Location', ...BROUGHT_ABOUT),
    }),
  );
}

/** The query that names a version, as callers of other servers are used to. */
export function ApiModelVersion() {
  return ApiQuery({
    name: 'model_version',
    required: false,
    description:
      'The version that is to run it, or `stable` or `canary`; where the body says so, too: the same',
    schema: { type: 'string', pattern: VERSION_REFERENCE.source },
  });
}

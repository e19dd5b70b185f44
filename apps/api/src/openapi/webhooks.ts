import { ApiProperty, ApiSchema, type ParameterObject, type PathItemObject } from '@nestjs/swagger';
import { WEBHOOK_EVENTS, type WebhookPayload } from '#libs/contracts';
import { TIME } from './fields.js';
import { JobSchema } from './schemas.js';

@ApiSchema({ name: 'JobEvent' })
export class JobEventSchema implements WebhookPayload {
  @ApiProperty({ enum: WEBHOOK_EVENTS.map((event) => `job.${event}`) })
  type!: WebhookPayload['type'];
  @ApiProperty({ ...TIME, description: 'When it happened' }) timestamp!: string;
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    description: 'Place among the events that the webhook of this job hears of, without a gap',
  })
  sequence!: number;
  @ApiProperty({ type: JobSchema }) data!: JobSchema;
}

const HEADERS = {
  'webhook-id': 'The same on every attempt, and on a redelivery',
  'webhook-timestamp': 'Of this attempt, seconds since the epoch',
  'webhook-signature':
    '`v1,` and an HMAC-SHA256 over `id.timestamp.body`, in base64; while a secret is being rotated two, separated by a space, the newest secret’s first',
  'X-Request-ID': 'Of the submission',
};

/** What callers are called with who gave a `webhook`, or have a default one, after Standard Webhooks. */
export const WEBHOOKS: Record<string, PathItemObject> = {
  jobEvent: {
    post: {
      operationId: 'jobEvent',
      tags: ['webhooks'],
      summary: 'A job has come to one of the events that its webhook asked for',
      description:
        'First attempts come in the order of `sequence`, retries and redeliveries when they are due: sort by it. Verify the signature with `GET /v1/webhooks/secret`.',
      parameters: [
        ...Object.entries(HEADERS).map(([name, description]) => headerOf(name, description, true)),
        headerOf('traceparent', 'Of the submission, where it had one', false),
      ],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/JobEvent' } } },
      },
      responses: {
        '2XX': { description: 'Delivered' },
        '410': { description: 'Nothing is sent to this URL any more, unless it is enabled again' },
        default: { description: 'Sent again later, not before `Retry-After` says' },
      },
      security: [],
    },
  },
};

function headerOf(name: string, description: string, required: boolean): ParameterObject {
  return { name, in: 'header', required, description, schema: { type: 'string' } };
}

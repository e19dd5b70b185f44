import { ApiProperty, ApiSchema, type PathItemObject } from '@nestjs/swagger';
import { WEBHOOK_EVENTS, type WebhookPayload } from '#libs/contracts';
import { TIME } from './fields.js';
import { JobSchema } from './schemas.js';

@ApiSchema({ name: 'JobEvent' })
export class JobEventSchema implements WebhookPayload {
  @ApiProperty({ enum: WEBHOOK_EVENTS.map((event) => `job.${event}`) })
  type!: WebhookPayload['type'];
  @ApiProperty({ ...TIME, description: 'When it happened' }) timestamp!: string;
  @ApiProperty({ type: JobSchema }) data!: JobSchema;
}

const HEADERS = {
  'webhook-id': 'The same on every attempt',
  'webhook-timestamp': 'Of this attempt, seconds since the epoch',
  'webhook-signature': '`v1,` and an HMAC-SHA256 over `id.timestamp.body`, in base64',
  'X-Request-ID': 'Of the submission',
};

/** What callers are called with who gave a `webhook`, after Standard Webhooks. */
export const WEBHOOKS: Record<string, PathItemObject> = {
  jobEvent: {
    post: {
      operationId: 'jobEvent',
      tags: ['webhooks'],
      summary: 'A job has come to one of the events that its webhook asked for',
      parameters: Object.entries(HEADERS).map(([name, description]) => ({
        name,
        in: 'header',
        required: true,
        description,
        schema: { type: 'string' },
      })),
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/JobEvent' } } },
      },
      responses: {
        '2XX': { description: 'Delivered' },
        '410': { description: 'Not to be sent again' },
        default: { description: 'Sent again later' },
      },
      security: [],
    },
  },
};

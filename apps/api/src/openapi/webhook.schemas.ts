import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import {
  WEBHOOK_EVENTS,
  type WebhookEvent,
  type WebhookSecretView,
  type WebhookTarget,
} from '#libs/contracts';
import { TIME_OR_NULL } from './fields.js';

const SECRET = { pattern: '^whsec_', example: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD' } as const;

@ApiSchema({ name: 'PreviousWebhookSecret' })
class PreviousSecretSchema {
  @ApiProperty(SECRET) secret!: string;
  @ApiProperty({ ...TIME_OR_NULL, description: 'Null: as long as the operator leaves it set' })
  valid_until!: string | null;
}

@ApiSchema({ name: 'WebhookSecret' })
export class WebhookSecretSchema implements WebhookSecretView {
  @ApiProperty({ enum: ['webhook_secret'] }) object!: 'webhook_secret';
  @ApiProperty({ ...SECRET, description: 'Verify with it' }) secret!: string;
  @ApiProperty({
    type: PreviousSecretSchema,
    nullable: true,
    description: 'The one before, while messages are signed with both',
  })
  previous!: PreviousSecretSchema | null;
}

@ApiSchema({ name: 'DefaultWebhook' })
export class DefaultWebhookSchema implements WebhookTarget {
  @ApiProperty({ enum: ['default_webhook'] }) object!: 'default_webhook';
  @ApiProperty({ format: 'uri' }) url!: string;
  @ApiProperty({ enum: WEBHOOK_EVENTS, isArray: true }) events!: WebhookEvent[];
}

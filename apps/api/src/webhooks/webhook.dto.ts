import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ArrayUnique, IsArray, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { WEBHOOK_EVENTS, type WebhookEvent } from '#libs/contracts';

const URL_SCHEMA = {
  format: 'uri',
  pattern: '^https?://',
  maxLength: 2048,
  description: 'Gets a Standard Webhooks POST; of a public address, without user or password',
};

class EventsDto {
  @ApiPropertyOptional({
    enum: WEBHOOK_EVENTS,
    isArray: true,
    uniqueItems: true,
    description: 'Default: those that end the job',
  })
  @IsOptional()
  @IsArray()
  @ArrayUnique()
  @IsIn(WEBHOOK_EVENTS, { each: true })
  events?: WebhookEvent[];
}

/** The webhook of a submission. */
@ApiSchema({ name: 'Webhook' })
export class WebhookDto extends EventsDto {
  @ApiPropertyOptional({
    ...URL_SCHEMA,
    description: `${URL_SCHEMA.description}. Default: the default webhook's`,
  })
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  url?: string;
}

/** The webhook of all submissions that do not say otherwise. */
@ApiSchema({ name: 'DefaultWebhookRequest' })
export class DefaultWebhookDto extends EventsDto {
  @ApiProperty(URL_SCHEMA)
  @IsString()
  @MaxLength(2048)
  url!: string;
}

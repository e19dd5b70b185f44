import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { type ApiKeyView, type NewApiKeyView, SCOPES, type ScopeName } from '#libs/contracts';
import { TEXT_OR_NULL, TIME, TIME_OR_NULL } from './fields.js';

@ApiSchema({ name: 'ApiKey' })
class ApiKeySchema implements ApiKeyView {
  @ApiProperty({ example: 'a8k2mq04zt9c' }) id!: string;
  @ApiProperty({ enum: ['api_key'] }) object!: 'api_key';
  @ApiProperty({ example: 'shop', description: 'Keys of one name see the same jobs' })
  name!: string;
  @ApiProperty({ enum: SCOPES, isArray: true }) scopes!: ScopeName[];
  @ApiProperty(TIME) created_at!: string;
  @ApiProperty({ ...TIME_OR_NULL, description: 'From then on it is refused; null: never' })
  expires_at!: string | null;
  @ApiProperty({ description: 'The last four of the key' }) last_characters!: string;
}

@ApiSchema({ name: 'NewApiKey' })
export class NewApiKeySchema extends ApiKeySchema implements NewApiKeyView {
  @ApiProperty({
    description: 'Told here, and never again',
    pattern: '^ftk_[a-z0-9]+_[A-Za-z0-9]+$',
  })
  key!: string;
}

@ApiSchema({ name: 'ApiKeyPage' })
export class ApiKeyPageSchema {
  @ApiProperty({ type: [ApiKeySchema] }) data!: ApiKeySchema[];
  @ApiProperty({ ...TEXT_OR_NULL, description: 'For the next page; null on the last' })
  next_cursor!: string | null;
}

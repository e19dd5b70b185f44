import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ArrayNotEmpty, ArrayUnique, IsArray, IsIn, IsInt, IsOptional } from 'class-validator';
import { Matches, Max, Min } from 'class-validator';
import { KEY_NAME, MAX_KEY_LIFE_S, SCOPES, type ScopeName } from '#libs/contracts';

/** The key that is to be made. */
@ApiSchema({ name: 'NewApiKeyRequest' })
export class NewKeyDto {
  @ApiProperty({
    pattern: KEY_NAME.source,
    example: 'shop',
    description: 'Its owner: keys of one name see the same jobs',
  })
  @Matches(KEY_NAME, { message: 'must be 1 to 64 letters, digits, _ or -' })
  name!: string;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', enum: [...SCOPES] },
    minItems: 1,
    uniqueItems: true,
    description: 'What it may do; default: all but `admin`',
  })
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @IsIn(SCOPES, { each: true, message: `must each be one of ${SCOPES.join(', ')}` })
  scopes?: ScopeName[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_KEY_LIFE_S,
    description: 'Seconds from now on after which it is refused; default: never',
  })
  @IsOptional()
  @IsInt({ message: 'must be a whole number of seconds' })
  @Min(1)
  @Max(MAX_KEY_LIFE_S)
  expires_in_s?: number;
}

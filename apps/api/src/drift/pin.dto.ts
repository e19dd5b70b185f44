import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { VERSION_RULE } from '../predict/asked-version.js';
import { MAX_WINDOW_S, MIN_WINDOW_S } from './window.js';

/** What a version's drift is to be told by from now on. */
@ApiSchema({ name: 'PinnedReferenceRequest' })
export class PinDto {
  @ApiProperty({ example: '2', description: 'Or `stable`, `canary`' })
  @IsString({ message: `must be ${VERSION_RULE}` })
  version!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: MIN_WINDOW_S,
    maximum: MAX_WINDOW_S,
    description:
      'What was observed for so long becomes the reference; default: the window of drift',
  })
  @IsOptional()
  @IsInt({ message: 'must be a whole number of seconds' })
  @Min(MIN_WINDOW_S)
  @Max(MAX_WINDOW_S)
  window_s?: number;
}

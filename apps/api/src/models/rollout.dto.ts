import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import {
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { type Canary, type Guard, type Rollout, type Shadow, VERSION_NAME } from '#libs/contracts';
import { IsStickyBy, STICKY_BY } from './rollout.rules.js';

const VERSION = { example: '2', pattern: VERSION_NAME.source };
const IsVersion = () =>
  Matches(VERSION_NAME, { message: 'must be a version: a positive integer, as text' });
const PERCENT = { minimum: 0, maximum: 100, example: 10 };
/** As OpenAPI 3.1 says it; the type has the older form. */
const ABOVE_ZERO: object = { exclusiveMinimum: 0 };
const SHARE = { minimum: 0, maximum: 1 };
/** Few enough to be there soon, enough for an error rate to mean something. */
const MIN_SAMPLES = 100;

@ApiSchema({ name: 'Canary' })
export class CanaryDto implements Canary {
  @ApiProperty(VERSION)
  @IsVersion()
  version!: string;

  @ApiProperty({ ...PERCENT, description: 'Of the submissions that name no version' })
  @IsNumber()
  @Min(0)
  @Max(100)
  percent!: number;

  @ApiPropertyOptional({
    ...STICKY_BY,
    description:
      '`metadata.<key>` or `header.<name>`: the same value, the same version. Default, and for submissions without it: each is drawn by itself',
  })
  @IsOptional()
  @IsStickyBy()
  sticky_by?: string;
}

@ApiSchema({ name: 'Shadow' })
export class ShadowDto implements Shadow {
  @ApiProperty(VERSION)
  @IsVersion()
  version!: string;

  @ApiProperty({ ...PERCENT, description: 'Of the jobs of the stable version' })
  @IsNumber()
  @Min(0)
  @Max(100)
  percent!: number;

  @ApiPropertyOptional({
    minimum: 0,
    description: 'Numbers that differ by no more, relatively or absolutely, agree; default: 0.001',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  tolerance?: number;
}

@ApiSchema({ name: 'Guard' })
export class GuardDto implements Guard {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    default: MIN_SAMPLES,
    description: 'Jobs, or comparisons, of the canary before a condition counts',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  min_samples: number = MIN_SAMPLES;

  @ApiPropertyOptional({ ...SHARE, description: 'Share of the canary’s jobs that fail' })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  max_error_rate?: number;

  @ApiPropertyOptional({
    ...ABOVE_ZERO,
    description: '95th percentile of the time that the canary’s jobs compute',
  })
  @IsOptional()
  @IsNumber()
  @IsPositive()
  max_p95_ms?: number;

  @ApiPropertyOptional({
    ...ABOVE_ZERO,
    description: 'The same, as a multiple of the stable version’s',
  })
  @IsOptional()
  @IsNumber()
  @IsPositive()
  max_p95_ratio?: number;

  @ApiPropertyOptional({
    ...SHARE,
    description: 'Share of shadowed jobs with another answer; takes a shadow of the canary',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  max_disagreement?: number;

  @ApiPropertyOptional({
    ...ABOVE_ZERO,
    description:
      'Population stability index of the canary’s predictions against the stable version’s',
  })
  @IsOptional()
  @IsNumber()
  @IsPositive()
  max_drift_psi?: number;

  @ApiPropertyOptional({
    ...ABOVE_ZERO,
    description: 'Kept for so long, the canary becomes the stable version; default: it does not',
  })
  @IsOptional()
  @IsNumber()
  @IsPositive()
  promote_after_s?: number;
}

/** Which versions of a model submissions go to. */
@ApiSchema({ name: 'RolloutRequest' })
export class RolloutDto implements Rollout {
  @ApiProperty({ ...VERSION, example: '1' })
  @IsVersion()
  stable!: string;

  @ApiPropertyOptional({ type: CanaryDto })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  canary?: CanaryDto;

  @ApiPropertyOptional({ type: ShadowDto })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  shadow?: ShadowDto;

  @ApiPropertyOptional({ type: GuardDto })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  guard?: GuardDto;
}

import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import {
  Allow,
  IsBoolean,
  IsIn,
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
import { MODEL_NAME, PRIORITIES, type Priority, VERSION_REFERENCE } from '#libs/contracts';
import { ANY_JSON } from '../openapi/fields.js';
import { WebhookDto } from '../webhooks/webhook.dto.js';
import { ColumnInput } from './column.input.js';
import { CsvInput } from './csv.input.js';
import { LargeInput } from './large.input.js';
import { VERSION_RULE } from './asked-version.js';
import { INSTANCE_LIST, IsInstanceList, IsMetadata, METADATA } from './predict.rules.js';

/** A year: what lies beyond is a mistake. */
const MAX_SECONDS = 365 * 86_400;
/** As OpenAPI 3.1 says it; the type has the older form. */
const ABOVE_ZERO: object = { exclusiveMinimum: 0 };

/** The body of a submission to a model that its path names. */
@ApiSchema({ name: 'PredictRequest' })
export class PredictDto {
  @ApiPropertyOptional({
    oneOf: ANY_JSON,
    description: 'One instance; its form is the model’s, see GET /v1/models/{model}',
    example: [5.1, 3.5, 1.4, 0.2],
  })
  @Allow()
  input?: unknown;

  @ApiPropertyOptional({
    ...INSTANCE_LIST,
    description:
      'Several instances, instead of `input`: in a row, or as columns, for each field the values of all',
  })
  @IsOptional()
  @IsInstanceList()
  inputs?: unknown[] | LargeInput | ColumnInput | CsvInput;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { top_k: 3 } })
  @IsOptional()
  @IsObject()
  parameters?: Record<string, unknown>;

  @ApiPropertyOptional({
    type: WebhookDto,
    description: 'Default: the default webhook of the API key, where it has one; null: none',
  })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  webhook?: WebhookDto | null;

  @ApiPropertyOptional({ enum: PRIORITIES, description: 'Default: normal' })
  @IsOptional()
  @IsIn(PRIORITIES)
  priority?: Priority;

  @ApiPropertyOptional({
    ...ABOVE_ZERO,
    description: 'Expires unless it starts within this of its submission; default: it waits',
  })
  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(MAX_SECONDS)
  queue_timeout_s?: number;

  @ApiPropertyOptional({
    ...ABOVE_ZERO,
    description: 'Stopped, and failed, when it runs longer',
  })
  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(MAX_SECONDS)
  execution_timeout_s?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    description: 'How long the result is kept after the end',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SECONDS)
  result_ttl_s?: number;

  @ApiPropertyOptional({
    ...METADATA,
    description: 'Up to 16 pairs of strings, echoed on the job',
  })
  @IsOptional()
  @IsMetadata()
  metadata?: Record<string, string>;

  @ApiPropertyOptional({
    description:
      'Canceled when its client goes before it has its answer: where events or `Prefer: wait` are asked for',
  })
  @IsOptional()
  @IsBoolean()
  cancel_on_disconnect?: boolean;
}

/** The body of a submission that names its model itself. */
@ApiSchema({ name: 'PredictAnyRequest' })
export class PredictAnyDto extends PredictDto {
  @ApiProperty({ example: 'iris', pattern: MODEL_NAME.source })
  @Matches(MODEL_NAME, { message: 'must be the name of a model' })
  model!: string;

  @ApiPropertyOptional({
    example: '2',
    pattern: VERSION_REFERENCE.source,
    description:
      'Or `stable` or `canary`. Default: by the rollout of the model, else its default version',
  })
  @IsOptional()
  @Matches(VERSION_REFERENCE, { message: `must be ${VERSION_RULE}` })
  version?: string;
}

import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import {
  type InputWarning,
  JOB_STATUSES,
  type JobProblem,
  type JobStatus,
  type JobTiming,
  type JobView,
  type PointedError,
  type ProblemCode,
  PROBLEMS,
} from '#libs/contracts';

import { ANY_JSON } from './any-json.js';

// Classes because OpenAPI needs something at run time; `implements` keeps them true to the contracts.

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

class PointedErrorSchema implements PointedError {
  @ApiProperty({ description: 'JSON Pointer into the body' }) pointer!: string;
  @ApiProperty() message!: string;
}

@ApiSchema({ name: 'Problem' })
export class ProblemSchema {
  @ApiProperty({ example: '/problems/invalid-input' }) type!: string;
  @ApiProperty() title!: string;
  @ApiProperty() status!: number;
  @ApiProperty({ description: 'What to do' }) detail!: string;
  @ApiProperty() instance!: string;
  @ApiProperty({ enum: CODES }) code!: ProblemCode;
  @ApiProperty() retryable!: boolean;
  @ApiProperty() request_id!: string;
  @ApiPropertyOptional({ type: [PointedErrorSchema] }) errors?: PointedErrorSchema[];
}

@ApiSchema({ name: 'JobProblem' })
class JobProblemSchema implements JobProblem {
  @ApiProperty() type!: string;
  @ApiProperty({ enum: CODES }) code!: ProblemCode;
  @ApiProperty() title!: string;
  @ApiProperty() detail!: string;
  @ApiProperty() retryable!: boolean;
}

@ApiSchema({ name: 'JobTiming' })
class JobTimingSchema implements JobTiming {
  @ApiProperty() queue_ms!: number;
  @ApiProperty() batch_wait_ms!: number;
  @ApiProperty() load_ms!: number;
  @ApiProperty() preprocess_ms!: number;
  @ApiProperty() inference_ms!: number;
  @ApiProperty() postprocess_ms!: number;
  @ApiProperty() total_ms!: number;
}

@ApiSchema({ name: 'Progress' })
class ProgressSchema {
  @ApiProperty() done!: number;
  @ApiProperty() total!: number;
}

@ApiSchema({ name: 'InputWarning' })
class InputWarningSchema implements InputWarning {
  @ApiProperty({ description: 'JSON Pointer into the body that was submitted' }) pointer!: string;
  @ApiProperty() message!: string;
}

const TIME = { type: String, format: 'date-time', nullable: true } as const;

@ApiSchema({ name: 'Job' })
export class JobSchema implements JobView {
  @ApiProperty({ example: 'job_01kaj3qv1mfyk9yd0tr9b5h2ez' }) id!: string;
  @ApiProperty({ enum: ['job'] }) object!: 'job';
  @ApiProperty({ enum: JOB_STATUSES }) status!: JobStatus;
  @ApiProperty({ example: 'iris' }) model!: string;
  @ApiProperty({ example: '2' }) version!: string;
  @ApiPropertyOptional({
    oneOf: [...ANY_JSON, { type: 'null' }],
    description: 'For `input`; null until it is there',
  })
  output?: unknown;
  @ApiPropertyOptional({
    type: 'array',
    items: {},
    nullable: true,
    description: 'For `inputs`: same order, same length; one that failed alone is `{"error": …}`',
  })
  outputs?: unknown[] | null;
  @ApiProperty({ type: JobProblemSchema, nullable: true }) error!: JobProblemSchema | null;
  @ApiProperty({ type: ProgressSchema }) progress!: ProgressSchema;
  @ApiProperty() attempts!: number;
  @ApiProperty({ format: 'date-time' }) created_at!: string;
  @ApiProperty(TIME) started_at!: string | null;
  @ApiProperty(TIME) ended_at!: string | null;
  @ApiProperty(TIME) expires_at!: string | null;
  @ApiProperty({ type: JobTimingSchema, nullable: true }) timing!: JobTimingSchema | null;
  @ApiProperty({ type: Number, nullable: true }) batch_size!: number | null;
  @ApiProperty({ type: [InputWarningSchema] }) warnings!: InputWarningSchema[];
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;
  @ApiProperty() request_id!: string;
  @ApiProperty({ format: 'uri' }) status_url!: string;
}

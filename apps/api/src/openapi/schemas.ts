import { ApiExtraModels, ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import {
  type InputWarning,
  JOB_STATUSES,
  type JobProblem,
  type JobStatus,
  type JobTiming,
  type JobView,
  type PastAttempt,
  type PointedError,
  type ProblemCode,
  PROBLEMS,
  type QueuePlace,
  type StepTiming,
  VERSION_REASONS,
  type VersionReason,
} from '#libs/contracts';
import { SCHEMAS } from './components.js';
import { ANY_JSON, COUNT, NUMBER_OR_NULL, TIME, TIME_OR_NULL } from './fields.js';

// Classes because OpenAPI needs something at run time; `implements` keeps them true to the contracts.

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

@ApiSchema({ name: 'PointedError' })
class PointedErrorSchema implements PointedError {
  @ApiProperty({ description: 'JSON Pointer into the body' }) pointer!: string;
  @ApiProperty() message!: string;
}

@ApiSchema({ name: 'Problem' })
export class ProblemSchema {
  @ApiProperty({ example: '/problems/invalid-input' }) type!: string;
  @ApiProperty() title!: string;
  @ApiProperty({ type: 'integer' }) status!: number;
  @ApiProperty({ description: 'What to do' }) detail!: string;
  @ApiPropertyOptional({ description: 'Path of the request; absent where it could not be read' })
  instance?: string;
  @ApiProperty({ enum: CODES }) code!: ProblemCode;
  @ApiProperty() retryable!: boolean;
  @ApiProperty() request_id!: string;
  @ApiPropertyOptional({ type: [PointedErrorSchema] }) errors?: PointedErrorSchema[];
}

@ApiSchema({ name: 'ProblemKind' })
export class ProblemKindSchema {
  @ApiProperty({ enum: CODES }) code!: ProblemCode;
  @ApiProperty({ type: 'integer' }) status!: number;
  @ApiProperty() title!: string;
  @ApiProperty() retryable!: boolean;
}

@ApiSchema({ name: 'JobProblem' })
class JobProblemSchema implements JobProblem {
  @ApiProperty() type!: string;
  @ApiProperty({ enum: CODES }) code!: ProblemCode;
  @ApiProperty() title!: string;
  @ApiProperty() detail!: string;
  @ApiProperty() retryable!: boolean;
}

@ApiSchema({ name: 'FailedInstance' })
export class FailedInstanceSchema {
  @ApiProperty({ type: JobProblemSchema }) error!: JobProblemSchema;
}

@ApiSchema({ name: 'StepTiming' })
class StepTimingSchema implements StepTiming {
  @ApiProperty({ ...COUNT, description: 'That it ran' }) instances!: number;
  @ApiProperty({ description: 'Until the first of them went to a runner process' })
  wait_ms!: number;
  @ApiProperty() preprocess_ms!: number;
  @ApiProperty() inference_ms!: number;
  @ApiProperty() postprocess_ms!: number;
  @ApiProperty({ ...COUNT, description: 'Rows of the largest batch that they were part of' })
  batch_size!: number;
}

@ApiExtraModels(StepTimingSchema)
@ApiSchema({ name: 'JobTiming' })
class JobTimingSchema implements JobTiming {
  @ApiProperty() queue_ms!: number;
  @ApiProperty() batch_wait_ms!: number;
  @ApiProperty() load_ms!: number;
  @ApiPropertyOptional({ description: 'Where files were fetched that the instances name by URL' })
  fetch_ms?: number;
  @ApiProperty() preprocess_ms!: number;
  @ApiProperty() inference_ms!: number;
  @ApiProperty() postprocess_ms!: number;
  @ApiProperty() total_ms!: number;
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { $ref: `${SCHEMAS}StepTiming` },
    description: 'Of each step of a pipeline, by name',
  })
  steps?: Record<string, StepTiming>;
}

@ApiSchema({ name: 'Progress' })
class ProgressSchema {
  @ApiProperty(COUNT) done!: number;
  @ApiProperty(COUNT) total!: number;
}

@ApiSchema({ name: 'QueuePlace' })
class QueuePlaceSchema implements QueuePlace {
  @ApiProperty({ ...COUNT, minimum: 1, description: '1 is the next one to be started' })
  position!: number;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Null while no worker is alive' })
  eta_ms!: number | null;
}

@ApiSchema({ name: 'InputWarning' })
class InputWarningSchema implements InputWarning {
  @ApiProperty({ description: 'JSON Pointer into the body that was submitted' }) pointer!: string;
  @ApiProperty() message!: string;
}

@ApiSchema({ name: 'PastAttempt' })
class PastAttemptSchema implements PastAttempt {
  @ApiProperty({ ...COUNT, minimum: 1 }) attempt!: number;
  @ApiProperty({ enum: ['failed', 'canceled', 'expired'] }) status!: PastAttempt['status'];
  @ApiProperty({ type: JobProblemSchema, nullable: true }) error!: JobProblemSchema | null;
  @ApiProperty(TIME_OR_NULL) started_at!: string | null;
  @ApiProperty(TIME) ended_at!: string;
}

@ApiSchema({ name: 'Job' })
export class JobSchema implements JobView {
  @ApiProperty({ example: 'job_01kaj3qv1mfyk9yd0tr9b5h2ez' }) id!: string;
  @ApiProperty({ enum: ['job'] }) object!: 'job';
  @ApiProperty({ enum: JOB_STATUSES }) status!: JobStatus;
  @ApiProperty({ example: 'iris' }) model!: string;
  @ApiProperty({ example: '2' }) version!: string;
  @ApiProperty({
    enum: VERSION_REASONS,
    description:
      '`pinned`: the submission named its number; `stable`, `canary`: the model’s rollout; `default`: no rollout is set',
  })
  version_reason!: VersionReason;
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
  @ApiProperty({ type: QueuePlaceSchema, nullable: true, description: 'While queued' })
  queue!: QueuePlaceSchema | null;
  @ApiProperty(COUNT) attempts!: number;
  @ApiProperty({ type: [PastAttemptSchema] }) attempt_history!: PastAttemptSchema[];
  @ApiProperty(TIME) created_at!: string;
  @ApiProperty(TIME_OR_NULL) started_at!: string | null;
  @ApiProperty(TIME_OR_NULL) ended_at!: string | null;
  @ApiProperty(TIME_OR_NULL) expires_at!: string | null;
  @ApiProperty({ type: JobTimingSchema, nullable: true }) timing!: JobTimingSchema | null;
  @ApiProperty({ ...COUNT, nullable: true }) batch_size!: number | null;
  @ApiProperty({ description: 'The result is that of an identical job' }) cached!: boolean;
  @ApiProperty({ type: [InputWarningSchema] }) warnings!: InputWarningSchema[];
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;
  @ApiProperty() request_id!: string;
  @ApiProperty({ format: 'uri' }) status_url!: string;
  @ApiProperty({ format: 'uri' }) events_url!: string;
  @ApiProperty({ format: 'uri' }) cancel_url!: string;
}

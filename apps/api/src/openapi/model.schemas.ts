import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import {
  type Batching,
  DTYPES,
  type Dtype,
  type HeldOut,
  type JobDefaults,
  type Lifecycle,
  type Padding,
  type TensorInfo,
  VERSION_STATES,
  type VersionState,
} from '#libs/contracts';
import type { ModelDetail, ModelSummary, VersionDetail } from '../models/model.view.js';
import { RolloutSummarySchema } from './rollout.schemas.js';
import { COUNT, NUMBER_OR_NULL, TEXT_OR_NULL } from './fields.js';

const SCHEMA_OR_NULL = {
  type: 'object',
  additionalProperties: true,
  nullable: true,
  description: 'JSON Schema (2020-12); null until the graph was first opened',
} as const;

@ApiSchema({ name: 'ModelVersionSummary' })
class VersionSummarySchema {
  @ApiProperty({ example: '2' }) version!: string;
  @ApiProperty({ enum: VERSION_STATES }) state!: VersionState;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'Why it is failed' }) reason!: string | null;
}

@ApiSchema({ name: 'ModelSummary' })
export class ModelSummarySchema implements ModelSummary {
  @ApiProperty({ example: 'iris' }) name!: string;
  @ApiProperty({ enum: ['model'] }) object!: 'model';
  @ApiProperty(TEXT_OR_NULL) description!: string | null;
  @ApiProperty({
    ...TEXT_OR_NULL,
    description: 'Where a job without a version goes while no rollout is set',
  })
  default_version!: string | null;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'Why none of it can be served' })
  reason!: string | null;
  @ApiProperty({ type: [VersionSummarySchema] }) versions!: VersionSummarySchema[];
}

@ApiSchema({ name: 'ModelPage' })
export class ModelPageSchema {
  @ApiProperty({ type: [ModelSummarySchema] }) data!: ModelSummarySchema[];
  @ApiProperty({
    ...TEXT_OR_NULL,
    description: 'To be sent back as `cursor`; null on the last page',
  })
  next_cursor!: string | null;
}

@ApiSchema({ name: 'Tensor' })
class TensorSchema implements TensorInfo {
  @ApiProperty() name!: string;
  @ApiProperty({ enum: DTYPES }) dtype!: Dtype;
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ type: 'integer' }, { type: 'string' }] },
    description: 'A string is a variable dimension',
  })
  shape!: (number | string)[];
}

@ApiSchema({ name: 'Tensors' })
class TensorsSchema {
  @ApiProperty({ type: [TensorSchema] }) inputs!: TensorSchema[];
  @ApiProperty({ type: [TensorSchema] }) outputs!: TensorSchema[];
}

@ApiSchema({ name: 'Padding' })
class PaddingSchema implements Padding {
  @ApiProperty() value!: number;
  @ApiProperty({ type: 'array', items: { type: 'integer' }, required: false }) buckets?: number[];
  @ApiProperty({ required: false }) mask?: string;
}

@ApiSchema({ name: 'Batching' })
class BatchingSchema implements Batching {
  @ApiProperty(COUNT) max_batch_size!: number;
  @ApiProperty({ minimum: 0 }) max_queue_delay_ms!: number;
  @ApiProperty({ type: PaddingSchema, required: false }) padding?: PaddingSchema;
}

@ApiSchema({ name: 'Lifecycle' })
class LifecycleSchema implements Lifecycle {
  @ApiProperty() preload!: boolean;
  @ApiProperty(COUNT) keep_warm!: number;
  @ApiProperty(COUNT) idle_unload_s!: number;
}

@ApiSchema({ name: 'JobDefaults' })
class JobDefaultsSchema implements JobDefaults {
  @ApiProperty({ required: false }) queue_timeout_s?: number;
  @ApiProperty({ required: false }) execution_timeout_s?: number;
  @ApiProperty({ required: false }) result_ttl_s?: number;
}

@ApiSchema({ name: 'ResultCache' })
class ResultCacheSchema {
  @ApiProperty({ description: 'How long a result answers identical submissions' }) ttl_s!: number;
  @ApiProperty({ description: 'Also those of other keys' }) shared!: boolean;
}

@ApiSchema({ name: 'HeldOut' })
class HeldOutSchema implements HeldOut {
  @ApiProperty({ example: 'accuracy' }) metric!: string;
  @ApiProperty() value!: number;
  @ApiProperty(COUNT) rows!: number;
}

@ApiSchema({ name: 'VersionUpdate' })
class VersionUpdateSchema {
  @ApiProperty({ enum: ['loading', 'failed'] }) state!: 'loading' | 'failed';
  @ApiProperty(TEXT_OR_NULL) reason!: string | null;
}

@ApiSchema({ name: 'ModelVersion' })
export class ModelVersionSchema extends VersionSummarySchema implements VersionDetail {
  @ApiProperty(TEXT_OR_NULL) description!: string | null;
  @ApiProperty({
    type: VersionUpdateSchema,
    nullable: true,
    description: 'What is newer on disk than what is served',
  })
  update!: VersionUpdateSchema | null;
  @ApiProperty(TEXT_OR_NULL) sha256!: string | null;
  @ApiProperty(NUMBER_OR_NULL) load_ms!: number | null;
  @ApiProperty(TEXT_OR_NULL) execution_provider!: string | null;
  @ApiProperty(COUNT) instances!: number;
  @ApiProperty(COUNT) warm_instances!: number;
  @ApiProperty(COUNT) memory_bytes!: number;
  @ApiProperty({ ...COUNT, nullable: true }) threads!: number | null;
  @ApiProperty({ type: LifecycleSchema }) lifecycle!: LifecycleSchema;
  @ApiProperty({ type: JobDefaultsSchema }) defaults!: JobDefaultsSchema;
  @ApiProperty({
    type: ResultCacheSchema,
    nullable: true,
    description: 'Null where every job is computed',
  })
  cache!: ResultCacheSchema | null;
  @ApiProperty(SCHEMA_OR_NULL) input_schema!: Record<string, unknown> | null;
  @ApiProperty(SCHEMA_OR_NULL) output_schema!: Record<string, unknown> | null;
  @ApiProperty({ type: TensorsSchema, nullable: true }) tensors!: TensorsSchema | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: true },
    nullable: true,
    description: 'The steps of a pipeline, by name; null for a model with a graph of its own',
  })
  pipeline!: VersionDetail['pipeline'];
  @ApiProperty({ ...COUNT, description: 'Largest body of a submission to it' })
  body_limit_bytes!: number;
  @ApiProperty({ type: BatchingSchema }) batching!: BatchingSchema;
  @ApiProperty({ type: HeldOutSchema, nullable: true }) held_out!: HeldOutSchema | null;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  card!: Record<string, string>;
}

@ApiSchema({ name: 'Model' })
export class ModelSchema extends ModelSummarySchema implements ModelDetail {
  @ApiProperty({ type: RolloutSummarySchema, nullable: true, description: 'Null: none is set' })
  rollout!: RolloutSummarySchema | null;
  @ApiProperty({ type: [ModelVersionSchema] }) declare versions: ModelVersionSchema[];
}

import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { VERSION_STATES, type VersionReport, type VersionState } from '#libs/contracts';
import {
  HEALTH_STATUSES,
  type HealthOverview,
  type HealthStatus,
} from '../health/health.service.js';
import { OVERLOAD_REASONS, type OverloadReason } from '../limits/back.pressure.js';
import { COUNT, TEXT_OR_NULL, TIME } from './fields.js';

@ApiSchema({ name: 'ExecutionProviders' })
class ExecutionProvidersSchema {
  @ApiProperty({ type: [String], example: ['cuda', 'cpu'] }) asked!: string[];
  @ApiProperty({ type: [String], example: ['cpu'] }) used!: string[];
}

@ApiSchema({ name: 'WorkerHealth' })
class WorkerHealthSchema {
  @ApiProperty() id!: string;
  @ApiProperty() host!: string;
  @ApiProperty(COUNT) pid!: number;
  @ApiProperty() version!: string;
  @ApiProperty(TIME) started_at!: string;
  @ApiProperty({ type: ExecutionProvidersSchema }) execution_providers!: ExecutionProvidersSchema;
}

@ApiSchema({ name: 'VersionHealth' })
class VersionHealthSchema {
  @ApiProperty() version!: string;
  @ApiProperty({ enum: VERSION_STATES }) state!: VersionState;
  @ApiProperty(TEXT_OR_NULL) reason!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  update!: NonNullable<VersionReport['update']> | null;
}

@ApiSchema({ name: 'ModelHealth' })
class ModelHealthSchema {
  @ApiProperty() name!: string;
  @ApiProperty(TEXT_OR_NULL) reason!: string | null;
  @ApiProperty({ type: [VersionHealthSchema] }) versions!: VersionHealthSchema[];
}

@ApiSchema({ name: 'Overload' })
class OverloadSchema {
  @ApiProperty({ enum: OVERLOAD_REASONS }) reason!: OverloadReason;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'Null: all' }) model!: string | null;
}

@ApiSchema({ name: 'DataLoss' })
class DataLossSchema {
  @ApiProperty({ ...TIME, nullable: true, description: 'Null: all that was written before' })
  since!: string | null;
  @ApiProperty(TIME) until!: string;
}

@ApiSchema({ name: 'Health' })
export class HealthSchema implements HealthOverview {
  @ApiProperty({ enum: HEALTH_STATUSES }) status!: HealthStatus;
  @ApiProperty({ description: 'Of this api' }) version!: string;
  @ApiProperty({ enum: ['up', 'down'] }) redis!: 'up' | 'down';
  @ApiProperty({
    type: [OverloadSchema],
    description: 'Why no jobs are accepted, and of which model',
  })
  overloads!: OverloadSchema[];
  @ApiProperty({
    type: DataLossSchema,
    nullable: true,
    description: 'What Redis has lost within the last day',
  })
  data_loss!: { since: string | null; until: string } | null;
  @ApiProperty({ type: [WorkerHealthSchema] }) workers!: WorkerHealthSchema[];
  @ApiProperty({ type: [String] }) accelerators!: string[];
  @ApiProperty({ type: [ModelHealthSchema] }) models!: ModelHealthSchema[];
}

@ApiSchema({ name: 'Ok' })
export class OkSchema {
  @ApiProperty({ enum: ['ok'] }) status!: 'ok';
}

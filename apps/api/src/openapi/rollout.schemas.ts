import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { type Rollout, ROLLOUT_EVENTS, type RolloutEvent } from '#libs/contracts';
import { CanaryDto, GuardDto, RolloutDto, ShadowDto } from '../models/rollout.dto.js';
import type { RolloutSummary, RolloutView } from '../models/rollout.view.js';
import { COUNT, TEXT_OR_NULL, TIME } from './fields.js';
import { RolloutReportSchema } from './rollout-report.schemas.js';

class RolloutParts {
  @ApiProperty({ ...COUNT, description: 'Counts the changes; its `ETag`, too. 0: there was none' })
  revision!: number;
  @ApiProperty({ type: CanaryDto, nullable: true }) canary!: CanaryDto | null;
  @ApiProperty({ type: ShadowDto, nullable: true }) shadow!: ShadowDto | null;
  @ApiProperty({ type: GuardDto, nullable: true }) guard!: GuardDto | null;
}

@ApiSchema({ name: 'RolloutSummary' })
export class RolloutSummarySchema extends RolloutParts implements RolloutSummary {
  @ApiProperty({ example: '1' }) stable!: string;
}

@ApiSchema({ name: 'RolloutChange' })
class RolloutChangeSchema {
  @ApiProperty({ ...COUNT, minimum: 1 }) revision!: number;
  @ApiProperty({ enum: ROLLOUT_EVENTS }) event!: RolloutEvent;
  @ApiProperty(TIME) at!: string;
  @ApiProperty({ description: 'Name of the API key; `guard`; empty on a server without keys' })
  by!: string;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'What the guard saw' }) reason!: string | null;
  @ApiProperty({ type: RolloutDto, nullable: true, description: 'From then on; null: none' })
  rollout!: Rollout | null;
}

@ApiSchema({ name: 'Rollout' })
export class RolloutSchema extends RolloutParts implements RolloutView {
  @ApiProperty({ enum: ['rollout'] }) object!: 'rollout';
  @ApiProperty({ example: 'iris' }) model!: string;
  @ApiProperty({ description: 'False: `stable` is the default version of the model' })
  is_set!: boolean;
  @ApiProperty({ ...TEXT_OR_NULL, example: '1' }) stable!: string | null;
  @ApiProperty({
    type: RolloutReportSchema,
    nullable: true,
    description: 'What was seen since the latest change; null where none is set',
  })
  report!: RolloutReportSchema | null;
  @ApiProperty({ type: [RolloutChangeSchema], description: 'The latest 100, newest first' })
  history!: RolloutChangeSchema[];
}

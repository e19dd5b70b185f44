import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import {
  CONDITION_STATES,
  type ConditionReport,
  type ConditionState,
  GUARD_CONDITIONS,
  type GuardCondition,
  type RolloutReport,
  type ShadowFigures,
  type TimeReport,
  type VersionFigures,
} from '#libs/contracts';
import { COUNT, NUMBER_OR_NULL } from './fields.js';

@ApiSchema({ name: 'RunTime' })
class RunTimeSchema implements TimeReport {
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Up to 9 % too much' }) p50_ms!: number | null;
  @ApiProperty(NUMBER_OR_NULL) p95_ms!: number | null;
}

@ApiSchema({ name: 'VersionFigures' })
class VersionFiguresSchema implements VersionFigures {
  @ApiProperty({ example: '1' }) version!: string;
  @ApiProperty({
    ...COUNT,
    description: 'That have ended, without those whose input cannot be read, or was lost',
  })
  jobs!: number;
  @ApiProperty(COUNT) failed!: number;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Null before any has ended' })
  error_rate!: number | null;
  @ApiProperty({ description: 'Time that a job computes, of those that succeeded' })
  run!: RunTimeSchema;
}

@ApiSchema({ name: 'ShadowFigures' })
class ShadowFiguresSchema implements ShadowFigures {
  @ApiProperty({ example: '2' }) version!: string;
  @ApiProperty({ ...COUNT, description: 'Jobs that both versions have answered' })
  compared!: number;
  @ApiProperty({ ...COUNT, description: 'Of those, with the same answer' }) agreed!: number;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Their share' }) agreement!: number | null;
  @ApiProperty({ ...COUNT, description: 'Jobs that only the stable version has answered' })
  failed!: number;
  @ApiProperty({ ...COUNT, description: 'Left out, as the workers had other work' })
  skipped!: number;
  @ApiProperty({ description: 'Time that the replays computed' }) run!: RunTimeSchema;
  @ApiProperty({ description: 'Time that the same jobs computed in the stable version' })
  primary_run!: RunTimeSchema;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'By which the median of the replays is longer' })
  p50_difference_ms!: number | null;
}

@ApiSchema({ name: 'GuardCondition' })
class ConditionSchema implements ConditionReport {
  @ApiProperty({ enum: GUARD_CONDITIONS }) condition!: GuardCondition;
  @ApiProperty() limit!: number;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Null where nothing was seen' })
  value!: number | null;
  @ApiProperty({ ...COUNT, description: 'Jobs, comparisons or predictions that it is of' })
  samples!: number;
  @ApiProperty({
    enum: CONDITION_STATES,
    description: '`collecting`: too little was seen to tell, as chance is allowed for',
  })
  state!: ConditionState;
}

@ApiSchema({ name: 'RolloutReport' })
export class RolloutReportSchema implements RolloutReport {
  @ApiProperty({ type: [VersionFiguresSchema], description: 'The stable one and the canary' })
  versions!: VersionFiguresSchema[];
  @ApiProperty({ type: ShadowFiguresSchema, nullable: true }) shadow!: ShadowFiguresSchema | null;
  @ApiProperty({ type: [ConditionSchema], description: 'The guard’s; none without one' })
  guard!: ConditionSchema[];
}

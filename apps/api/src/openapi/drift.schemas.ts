import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { DRIFT_KINDS, DRIFT_LEVELS, type DriftKind, type DriftLevel } from '#libs/contracts';
import type { VersionDriftView } from '../drift/drift.view.js';
import { COUNT, NUMBER_OR_NULL, TEXT_OR_NULL, TIME } from './fields.js';

const LEVEL = {
  enum: DRIFT_LEVELS,
  nullable: true,
  description: 'Null: there is nothing to compare with',
};
const RATES = {
  type: 'object',
  additionalProperties: { type: 'number' },
  description: 'Share of the instances, by field; of fields without one, none',
} as const;

type Feature = VersionDriftView['features'][number];

@ApiSchema({ name: 'DriftBin' })
class DriftBinSchema {
  @ApiProperty({ ...TEXT_OR_NULL, description: 'The class; null where bins have edges' })
  name!: string | null;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'It holds what is above; null: no bound' })
  from!: number | null;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'And not above this; null: no bound' })
  to!: number | null;
  @ApiProperty(COUNT) count!: number;
  @ApiProperty({ ...COUNT, nullable: true }) reference_count!: number | null;
}

@ApiSchema({ name: 'DriftFeature' })
class DriftFeatureSchema implements Feature {
  @ApiProperty({ example: 'input/petal_length' }) name!: string;
  @ApiProperty({ enum: DRIFT_KINDS }) kind!: DriftKind;
  @ApiProperty(LEVEL) level!: DriftLevel | null;
  @ApiProperty(COUNT) samples!: number;
  @ApiProperty({ ...COUNT, nullable: true }) reference_samples!: number | null;
  @ApiProperty({
    ...NUMBER_OR_NULL,
    description: 'Population stability index, less what chance makes of so few samples',
  })
  psi!: number | null;
  @ApiProperty({
    ...NUMBER_OR_NULL,
    description: 'Largest distance of the cumulative distributions; null where bins have no order',
  })
  ks!: number | null;
  @ApiProperty({
    ...NUMBER_OR_NULL,
    description: 'Probability of such a difference, or a larger one, without any shift',
  })
  p_value!: number | null;
  @ApiProperty({ type: [DriftBinSchema] }) bins!: DriftBinSchema[];
}

@ApiSchema({ name: 'DriftReference' })
class DriftReferenceSchema {
  @ApiProperty({ enum: ['held-out', 'pinned'] }) kind!: 'held-out' | 'pinned';
  @ApiProperty(COUNT) samples!: number;
  @ApiProperty({ ...TIME, description: 'When it was computed, or pinned' }) at!: string;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'Name of the key that pinned it' })
  by!: string | null;
  @ApiProperty({ ...COUNT, nullable: true, description: 'Length of the window that was pinned' })
  window_s!: number | null;
}

@ApiSchema({ name: 'DriftRates' })
class DriftRatesSchema {
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Null: nothing was observed' })
  low_confidence!: number | null;
  @ApiProperty({ ...NUMBER_OR_NULL, description: 'Instances with any field out of its range' })
  out_of_range!: number | null;
  @ApiProperty(RATES) out_of_range_by_field!: Record<string, number>;
  @ApiProperty(RATES) missing_by_field!: Record<string, number>;
}

@ApiSchema({ name: 'VersionDrift' })
export class VersionDriftSchema implements VersionDriftView {
  @ApiProperty({ example: '2' }) version!: string;
  @ApiProperty({ description: 'Whether instances are counted' }) watched!: boolean;
  @ApiProperty(COUNT) window_s!: number;
  @ApiProperty({ ...COUNT, description: 'Instances in the window' }) samples!: number;
  @ApiProperty({ ...COUNT, nullable: true }) min_samples!: number | null;
  @ApiProperty(NUMBER_OR_NULL) warn_psi!: number | null;
  @ApiProperty(NUMBER_OR_NULL) alert_psi!: number | null;
  @ApiProperty({ ...LEVEL, description: 'The worst of its features' }) level!: DriftLevel | null;
  @ApiProperty({ type: DriftReferenceSchema, nullable: true })
  reference!: DriftReferenceSchema | null;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'Why there is no reference' })
  reference_reason!: string | null;
  @ApiProperty({ type: [DriftFeatureSchema] }) features!: DriftFeatureSchema[];
  @ApiProperty({ type: DriftRatesSchema }) rates!: DriftRatesSchema;
}

@ApiSchema({ name: 'ModelDrift' })
export class ModelDriftSchema {
  @ApiProperty({ enum: ['drift'] }) object!: 'drift';
  @ApiProperty({ example: 'iris' }) model!: string;
  @ApiProperty({ type: [VersionDriftSchema] }) versions!: VersionDriftSchema[];
}

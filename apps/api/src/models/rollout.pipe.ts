import { Injectable, type Type } from '@nestjs/common';
import { GUARD_CONDITIONS, isRecord, type PointedError } from '#libs/contracts';
import { DtoPipe, fieldsOf, fill } from '../http/dto.pipe.js';
import { CanaryDto, GuardDto, RolloutDto, ShadowDto } from './rollout.dto.js';

const PARTS = [
  ['canary', CanaryDto],
  ['shadow', ShadowDto],
  ['guard', GuardDto],
] as const satisfies [keyof RolloutDto, Type][];

/** Makes the body that sets a rollout into its DTO. Whether its versions are there is not for it to say. */
@Injectable()
export class RolloutPipe extends DtoPipe<RolloutDto> {
  constructor() {
    super(RolloutDto);
  }

  protected override fillNested(dto: RolloutDto, errors: PointedError[]): void {
    for (const [name, part] of PARTS) {
      const given: unknown = dto[name];
      if (!isRecord(given)) continue;
      const filled = fill<object>(new part(), fieldsOf(part), given, `/${name}`, errors);
      Object.assign(dto, { [name]: filled });
    }
  }

  protected override further({ stable, canary, shadow, guard }: RolloutDto): PointedError[] {
    const errors: PointedError[] = [];
    const refuse = (pointer: string, message: string) => errors.push({ pointer, message });
    for (const [name, part] of Object.entries({ canary, shadow })) {
      if (!part) continue;
      if (part.version === stable) refuse(`/${name}/version`, 'must not be the stable one');
    }
    if (!guard) return errors;
    if (GUARD_CONDITIONS.every((name) => guard[name] === undefined)) {
      refuse('/guard', `must have a condition: ${GUARD_CONDITIONS.join(', ')}`);
    }
    if (!canary) refuse('/guard', 'takes a canary');
    else if (guard.max_disagreement !== undefined && shadow?.version !== canary.version) {
      refuse('/guard/max_disagreement', 'takes a shadow of the version of the canary');
    }
    return errors;
  }
}

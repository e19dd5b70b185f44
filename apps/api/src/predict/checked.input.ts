import type { InputWarning, VersionDescription } from '#libs/contracts';
import type { JobMessage } from '#libs/jobs';
import type { InputValidator } from '#libs/models';
import { shapeOf } from './shape.js';

/** What is to be known of an input that fits its model. */
export interface CheckedInput {
  warnings: InputWarning[];
  shape: JobMessage['shape'];
  /** `digestOfLines` of a large one, where its model keeps results: it is made in another thread. */
  lines?: string | undefined;
}

/** @param many as in `InputValidator.validate`. @throws ProblemError as that does. */
export function checkInput(
  version: VersionDescription,
  validator: InputValidator,
  instances: readonly unknown[],
  many: boolean,
  parameters: unknown,
): CheckedInput {
  const warnings = validator.validate(instances, many, parameters);
  return { warnings, shape: shapeOf(version, instances) };
}

import type { InputWarning, VersionDescription } from '#libs/contracts';
import type { JobMessage } from '#libs/jobs';
import type { FileUrl, InputValidator } from '#libs/models';
import type { LargeInput } from './large.input.js';
import { shapeOf } from './shape.js';

/** What is to be known of an input that fits its model. */
export interface CheckedInput {
  warnings: InputWarning[];
  shape: JobMessage['shape'];
  /** `digestOfLines` of a large one, where its model keeps results: it is made in another thread. */
  lines?: string | undefined;
  /** Files that instances name by URL; absent: none. */
  urls?: readonly FileUrl[];
  /** The instances, where only the model says what they are: the rows of a CSV text. */
  rows?: readonly unknown[] | LargeInput;
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
  const urls = validator.fileUrls(instances, many);
  const checked = { warnings, shape: shapeOf(version, instances) };
  return urls.length === 0 ? checked : { ...checked, urls };
}

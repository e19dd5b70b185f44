import type { VersionDescription } from '#libs/contracts';
import type { JobMessage } from '#libs/jobs';
import { hasVariableShapes, shapeSignature } from '#libs/kinds';

/** What the batcher sorts a job's instances by: one signature where all agree, else one for each. */
export function shapeOf(
  version: VersionDescription,
  instances: readonly unknown[],
): JobMessage['shape'] {
  if (!hasVariableShapes(version)) return undefined;
  const shapes = instances.map((instance) => shapeSignature(version, instance) ?? '');
  return shapes.every((shape) => shape === shapes[0]) ? shapes[0] : shapes;
}

import type { DriftBasis, VersionDescription } from '#libs/contracts';
import { driftFeatures, readReference, type Reference, ReferenceError } from '#libs/models';
import { Observer } from './observer.js';

/** How the drift of a version is watched. */
export interface Watch {
  readonly version: VersionDescription;
  readonly basis: DriftBasis;
  readonly observer: Observer;
  /** Path of the reference, where there is one that can be used. */
  readonly file: string | undefined;
}

/**
 * A reference that cannot be used is no reason not to serve: nothing is compared then.
 * @param version with `tensors`.
 */
export async function watched(
  version: VersionDescription,
  file: string | undefined,
): Promise<Watch | undefined> {
  if (!version.drift) return undefined;
  let reference: Reference | undefined;
  let reason: string | undefined;
  try {
    if (file !== undefined) reference = await readReference(file, version);
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    reason = error.message;
  }
  const features = driftFeatures(version, reference?.instances ?? []);
  const basis: DriftBasis = {
    features,
    reference: reference ? { digest: reference.digest, rows: reference.instances.length } : null,
    reason,
  };
  const observer = new Observer(version, features);
  return { version, basis, observer, file: reference && file };
}

import { MAX_INSTANCES, type VersionDescription } from '#libs/contracts';
import { inputKind } from '#libs/kinds';

/** All that a submission may say besides its input, every character of it escaped. */
const ENVELOPE_BYTES = 256 * 1024;

/**
 * Bytes that suffice for the body of any submission to a version, however its JSON is laid out.
 * @returns undefined where the signature does not say: pictures, texts, dimensions of any length, a `processor.mjs`.
 */
export function largestBodyBytes(version: VersionDescription): number | undefined {
  if (version.processor) return undefined;
  const instance = inputKind(version.input).largestBytes?.(version);
  return instance === undefined ? undefined : ENVELOPE_BYTES + MAX_INSTANCES * instance;
}

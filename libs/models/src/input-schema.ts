import type { VersionDescription } from '#libs/contracts';
import { inputKind, isPreprocessed, type JsonSchema, outputKind } from '#libs/kinds';

/**
 * JSON Schema of one instance in its named form.
 * @returns null while what a runner tells of it, the signature of a raw graph or of a `processor.mjs`, is not
 *   known yet.
 */
export function instanceSchema(version: VersionDescription): JsonSchema | null {
  const { input, processor, hooks } = version;
  if (processor && !hooks) return null;
  if (isPreprocessed(version)) return processor?.input_schema ?? {};
  return inputKind(input).schema(version);
}

/** The same instance in its short form, an array, where it has one. */
export function shortInstanceSchema(version: VersionDescription): JsonSchema | null {
  if (isPreprocessed(version)) return null;
  return inputKind(version.input).shortSchema?.(version) ?? null;
}

/** Schema of the options that a call may carry. */
export function parametersSchema(version: VersionDescription): JsonSchema {
  if (version.pipeline) {
    const properties = version.pipeline.signature?.parameters ?? {};
    return { type: 'object', properties, additionalProperties: false };
  }
  const own = outputKind(version.output).parameters?.(version);
  const properties = { ...version.processor?.parameters, ...own };
  return { type: 'object', properties, additionalProperties: false };
}

/** What clients are shown: either form. */
export function publishedInputSchema(version: VersionDescription): JsonSchema | null {
  const named = instanceSchema(version);
  const short = shortInstanceSchema(version);
  return named && short ? { anyOf: [named, short] } : named;
}

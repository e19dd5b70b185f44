import type { VersionDescription } from '#libs/contracts';
import { type JsonSchema, outputKind } from '#libs/kinds';

/**
 * JSON Schema of one instance's output; null while what a runner tells of it, the signature of a raw graph or
 * of a `processor.mjs`, is not known yet; of a pipeline, what the models of its steps say.
 */
export function outputSchema(version: VersionDescription): JsonSchema | null {
  const { output, processor, hooks, pipeline } = version;
  if (pipeline) return pipeline.signature?.output_schema ?? null;
  if (processor && !hooks) return null;
  if (hooks?.includes('postprocess')) return processor?.output_schema ?? {};
  return outputKind(output).schema(version);
}

/** Whether the answer to an instance is a text that is told as it is generated. */
export function tellsText({ output, hooks }: VersionDescription): boolean {
  return outputKind(output).tellsText === true && !hooks?.includes('postprocess');
}

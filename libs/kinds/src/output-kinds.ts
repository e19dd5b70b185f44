import type { OutputSpec } from '#libs/contracts';
import type { OutputKind } from './output-kind.js';
import { classification } from './outputs/classification.output.js';
import { embedding } from './outputs/embedding.output.js';
import { detection } from './outputs/detection.output.js';
import { generation } from './outputs/generation.output.js';
import { regression } from './outputs/regression.output.js';
import { tensorOutput } from './outputs/tensor.output.js';

/** By what a manifest calls them. */
export const OUTPUT_KINDS = {
  classification,
  regression,
  embedding,
  detection,
  generation,
  tensor: tensorOutput,
} as const;

/** @throws Error for one that this build does not know. */
export function outputKind({ kind }: OutputSpec): OutputKind {
  if (Object.hasOwn(OUTPUT_KINDS, kind)) return OUTPUT_KINDS[kind as keyof typeof OUTPUT_KINDS];
  throw new Error(`there is no kind of output called ${kind}`);
}

import type { InputSpec, TensorInfo, VersionDescription } from '#libs/contracts';
import { requirePaddable } from './graph.js';
import type { InputEncoder, InputKind } from './input-kind.js';
import { audio } from './inputs/audio.input.js';
import { image } from './inputs/image.input.js';
import { tabular } from './inputs/tabular.input.js';
import { tensor } from './inputs/tensor.input.js';
import { text } from './inputs/text.input.js';

/** By what a manifest calls them. */
export const INPUT_KINDS = { tabular, image, text, audio, tensor } as const;

/** @throws Error for one that this build does not know. */
export function inputKind({ kind }: InputSpec): InputKind {
  if (Object.hasOwn(INPUT_KINDS, kind)) return INPUT_KINDS[kind as keyof typeof INPUT_KINDS];
  throw new Error(`there is no kind of input called ${kind}`);
}

/** The encoder of a version, see `InputKind`. @throws ManifestMismatch */
export async function openEncoder(
  version: VersionDescription,
  inputs: TensorInfo[],
  folder: string,
): Promise<InputEncoder> {
  requirePaddable(version);
  return inputKind(version.input).openEncoder(version, inputs, folder);
}

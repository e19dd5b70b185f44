import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { VersionDescription } from '#libs/contracts';
import { inputKind } from '#libs/kinds';
import type { Artefact } from './artefacts.js';
import { digestOf, modelFiles } from './external-data.js';
import { ManifestError } from './manifest.error.js';
import { unlessUnusable } from './unusable-path.js';

/** It goes to every api every few seconds, as part of what a worker reports. */
const MAX_ARTEFACT_BYTES = 256 * 1024;

const PROCESSOR = 'processor.mjs';

/**
 * Files that a manifest names, by name: the version's own, or else the model's. One that is not there is
 * left out.
 * @throws ManifestError for one that is too large.
 */
export async function readArtefacts(
  names: readonly string[],
  folder: string,
  version: string,
): Promise<Map<string, Artefact>> {
  const found = new Map<string, Artefact>();
  for (const name of names) {
    const file = await inEither(path.join(folder, version), name);
    if (file === null) continue;
    const label = path.relative(path.dirname(folder), file.path);
    if (file.sizeBytes > MAX_ARTEFACT_BYTES) {
      throw new ManifestError(`${label}: has more than ${String(MAX_ARTEFACT_BYTES)} bytes`);
    }
    found.set(name, { label, text: await readFile(file.path, 'utf8') });
  }
  return found;
}

/** Path of the `processor.mjs` of a version: its own, or else its model's; null where there is none. */
export async function processorFile(versionFolder: string): Promise<string | null> {
  return (await inEither(versionFolder, PROCESSOR))?.path ?? null;
}

/**
 * The files that a version's input has its runner read, such as a `tokenizer.json`: the version's own, or else its
 * model's. One that is not there is left out: that is for the runner to say.
 */
export async function inputFiles(version: VersionDescription, folder: string): Promise<string[]> {
  const names = inputKind(version.input).files?.(version.input) ?? [];
  const found = await Promise.all(names.map((name) => inEither(folder, name)));
  return found.flatMap((file) => file?.path ?? []);
}

/**
 * Of the `processor.mjs` of a version and the other modules (`*.mjs`) in its folder, which it may import.
 * @returns null where there is none. @see digestOf
 */
export async function processorDigest(versionFolder: string): Promise<string | null> {
  const processor = await processorFile(versionFolder);
  if (processor === null) return null;
  const folder = path.dirname(processor);
  const modules = (await readdir(folder)).filter(
    (name) => name.endsWith('.mjs') && !name.startsWith('.') && name !== PROCESSOR,
  );
  return digestOf([processor, ...modules.sort().map((name) => path.join(folder, name))]);
}

/** All that a version is made of, see `modelFiles`, and then what its input names. @param file path of `model.onnx`. */
export async function versionFiles(file: string, version: VersionDescription): Promise<string[]> {
  return [...(await modelFiles(file)), ...(await inputFiles(version, path.dirname(file)))];
}

async function inEither(
  versionFolder: string,
  name: string,
): Promise<{ path: string; sizeBytes: number } | null> {
  for (const folder of [versionFolder, path.dirname(versionFolder)]) {
    const file = path.join(folder, name);
    const found = await unlessUnusable(stat(file), null);
    // A pipe would be waited on for ever.
    if (found?.isFile() === true) return { path: file, sizeBytes: found.size };
  }
  return null;
}

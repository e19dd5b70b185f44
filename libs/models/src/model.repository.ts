import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MODEL_NAME, VERSION_NAME, type VersionDescription } from '#libs/contracts';
import { loadManifest, ManifestError } from './manifest.js';

/** A version that is on disk. */
export interface StoredVersion {
  description: VersionDescription;
  /** Path of `model.onnx`. */
  file: string;
}

/** A model folder: its versions, or why none can be served. */
export interface StoredModel {
  model: string;
  description?: string | undefined;
  reason?: string | undefined;
  /** Lowest first. */
  versions: StoredVersion[];
}

/**
 * Reads `<dir>/<model>/model.yaml` and `<dir>/<model>/<version>/model.onnx`. Folders without a version
 * are passed over (`models/training`, say); a folder with one but with a broken manifest is reported
 * with its reason.
 * @throws Error when `dir` itself cannot be read.
 */
export async function scanModels(dir: string): Promise<StoredModel[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((e) => e.isDirectory() || e.isSymbolicLink()).map((e) => e.name);
  const models = await Promise.all(names.sort().map((name) => scanModel(dir, name)));
  return models.filter((model) => model !== null);
}

async function scanModel(dir: string, model: string): Promise<StoredModel | null> {
  const folder = path.join(dir, model);
  const versions = await versionFolders(folder);
  if (versions.length === 0) return null;
  if (!MODEL_NAME.test(model)) {
    const reason = 'the folder name may have letters, digits, ".", "_" and "-", at most 63';
    return { model, reason, versions: [] };
  }
  try {
    const manifest = await loadManifest(path.join(folder, 'model.yaml'), `${model}/model.yaml`);
    const { versions: details, ...shared } = manifest;
    return {
      model,
      description: manifest.description,
      versions: versions.map((version) => ({
        file: path.join(folder, version, 'model.onnx'),
        description: {
          ...shared,
          model,
          version,
          description: details[version]?.description,
          held_out: details[version]?.held_out,
        },
      })),
    };
  } catch (error) {
    if (error instanceof ManifestError) return { model, reason: error.message, versions: [] };
    throw error;
  }
}

async function versionFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  const found: string[] = [];
  for (const entry of entries.filter((name) => VERSION_NAME.test(name))) {
    const file = await stat(path.join(folder, entry, 'model.onnx')).catch(() => null);
    if (file?.isFile() === true) found.push(entry);
  }
  return found.sort((a, b) => Number(a) - Number(b));
}

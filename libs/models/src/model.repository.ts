import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MODEL_NAME, VERSION_NAME, type VersionDescription } from '#libs/contracts';
import { fingerprintOf } from './fingerprint.js';
import { ManifestError, parseManifest, readManifest } from './manifest.js';
import type { Manifest } from './manifest.schema.js';
import { unlessUnusable } from './unusable-path.js';

/** A version that is on disk. */
export interface StoredVersion {
  description: VersionDescription;
  /** Path of `model.onnx`. */
  file: string;
  /** Another one when `model.onnx`, or any file beside or below it, was changed. */
  fingerprint: string;
}

/** A model folder: its versions, or why none can be served. */
export interface StoredModel {
  model: string;
  description?: string | undefined;
  /** Then `versions` is empty, whatever folders there are. */
  reason?: string | undefined;
  /** Lowest first. */
  versions: StoredVersion[];
}

/**
 * `<dir>/<model>/model.yaml` and `<dir>/<model>/<version>/model.onnx`. Folders without a version are
 * passed over (`models/training`, say); a folder with one but with a broken manifest is reported with
 * its reason.
 */
export class ModelRepository {
  /** Parsing takes milliseconds, and whoever watches reads the same text every few seconds. */
  private readonly parsed = new Map<string, { text: string; manifest: Manifest }>();

  constructor(private readonly dir: string) {}

  /** Names of what may be model folders, in order. @throws Error when `dir` itself cannot be read. */
  async folders(): Promise<string[]> {
    const entries = await readdir(this.dir, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => name)
      .sort();
  }

  /** Every model, by name. @throws Error when `dir`, or a model in it, cannot be read at the moment. */
  async readAll(): Promise<StoredModel[]> {
    const names = await this.folders();
    const models = await Promise.all(names.map((name) => this.read(name)));
    return models.filter((model) => model !== null);
  }

  /**
   * @returns null for a folder without versions.
   * @throws Error for trouble that may pass, such as a stale NFS handle.
   */
  async read(model: string): Promise<StoredModel | null> {
    const folder = path.join(this.dir, model);
    const versions = await versionFolders(folder);
    if (versions.length === 0) {
      this.parsed.delete(model);
      return null;
    }
    if (!MODEL_NAME.test(model)) {
      const reason = 'the folder name may have letters, digits, ".", "_" and "-", at most 63';
      return { model, reason, versions: [] };
    }
    try {
      const manifest = await this.manifest(model);
      const stored = versions.map((version) => storedVersion(folder, model, version, manifest));
      return { model, description: manifest.description, versions: await Promise.all(stored) };
    } catch (error) {
      if (error instanceof ManifestError) return { model, reason: error.message, versions: [] };
      throw error;
    }
  }

  private async manifest(model: string): Promise<Manifest> {
    const label = `${model}/model.yaml`;
    const text = await readManifest(path.join(this.dir, model, 'model.yaml'), label);
    const known = this.parsed.get(model);
    if (known?.text === text) return known.manifest;
    const manifest = parseManifest(text, label);
    this.parsed.set(model, { text, manifest });
    return manifest;
  }
}

async function storedVersion(
  folder: string,
  model: string,
  version: string,
  { versions: details, ...shared }: Manifest,
): Promise<StoredVersion> {
  return {
    file: path.join(folder, version, 'model.onnx'),
    fingerprint: await fingerprintOf(path.join(folder, version)),
    description: {
      ...shared,
      model,
      version,
      description: details[version]?.description,
      held_out: details[version]?.held_out,
    },
  };
}

async function versionFolders(folder: string): Promise<string[]> {
  const entries = await unlessUnusable(readdir(folder), []);
  const found: string[] = [];
  for (const entry of entries.filter((name) => VERSION_NAME.test(name))) {
    const file = await unlessUnusable(stat(path.join(folder, entry, 'model.onnx')), null);
    if (file?.isFile() === true) found.push(entry);
  }
  return found.sort((a, b) => Number(a) - Number(b));
}

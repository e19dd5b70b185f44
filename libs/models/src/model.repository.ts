import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MODEL_NAME, VERSION_NAME, type VersionDescription } from '#libs/contracts';
import { fingerprintOf } from './fingerprint.js';
import { ManifestDocument, readManifest } from './manifest.js';
import { ManifestError } from './manifest.error.js';
import type { Manifest, VersionPolicy } from './manifest.schema.js';
import { inputFiles, processorDigest, readArtefacts } from './model-folder.js';
import { REFERENCE_FILE } from './reference-file.js';
import { unlessUnusable } from './unusable-path.js';

/** A version that is on disk. */
export interface StoredVersion {
  description: VersionDescription;
  /** Path of `model.onnx`; of a pipeline, empty. */
  file: string;
  /** Another one when `model.onnx`, any file beside or below it, one that the input names, or the reference was changed. */
  fingerprint: string;
  /** Path of a file of instances that its drift is told by. */
  reference?: string | undefined;
}

/** A model folder: its versions, or why none can be served. */
export interface StoredModel {
  model: string;
  description?: string | undefined;
  /** Then `versions` is empty, whatever folders there are. */
  reason?: string | undefined;
  /** As the manifest says. */
  defaultVersion?: string | undefined;
  /** Versions with a folder that the manifest's policy leaves out. */
  leftOut?: string[] | undefined;
  /** Lowest first. */
  versions: StoredVersion[];
}

/** What a manifest says of the model, whichever version it is read for. */
type ModelManifest = Pick<Manifest, 'description' | 'version_policy' | 'default_version'>;

/**
 * `<dir>/<model>/model.yaml` and `<dir>/<model>/<version>/model.onnx`. Folders without a version are
 * passed over (`models/training`, say); a folder with one but with a broken manifest is reported with
 * its reason.
 */
export class ModelRepository {
  /** Parsing takes milliseconds, and whoever watches reads the same text every few seconds. */
  private readonly documents = new Map<string, { text: string; document: ManifestDocument }>();

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
    if (versions.length === 0 && !(await this.isPipeline(model))) {
      this.documents.delete(model);
      return null;
    }
    if (!MODEL_NAME.test(model)) {
      const reason = 'the folder name may have letters, digits, ".", "_" and "-", at most 63';
      return { model, reason, versions: [] };
    }
    try {
      const document = await this.document(model);
      if (document.isPipeline) return pipelineOf(document, model, versions);
      const served = servedVersions(versions, document.versionPolicy);
      const read = await Promise.all(
        served.map((version) => readVersion(document, folder, model, version)),
      );
      const [any] = read;
      return {
        model,
        description: any?.about.description,
        defaultVersion: any?.about.default_version?.toString(),
        leftOut: versions.filter((version) => !served.includes(version)),
        versions: read.map(({ stored }) => stored),
      };
    } catch (error) {
      if (error instanceof ManifestError) return { model, reason: error.message, versions: [] };
      throw error;
    }
  }

  /** A folder without versions is none of a model, unless it says so: what its model.yaml is wrong in does not matter. */
  private async isPipeline(model: string): Promise<boolean> {
    try {
      return /^pipeline\s*:/m.test(await readManifest(this.manifestFile(model), model));
    } catch (error) {
      if (error instanceof ManifestError) return false;
      throw error;
    }
  }

  private manifestFile(model: string): string {
    return path.join(this.dir, model, 'model.yaml');
  }

  private async document(model: string): Promise<ManifestDocument> {
    const label = `${model}/model.yaml`;
    const text = await readManifest(this.manifestFile(model), label);
    const known = this.documents.get(model);
    if (known?.text === text) return known.document;
    const document = new ManifestDocument(text, label);
    this.documents.set(model, { text, document });
    return document;
  }
}

/**
 * Those that the policy has served, lowest first. One that is named need not be there: it shows as failed, with
 * the reason, until it comes.
 * @param found lowest first.
 */
function servedVersions(found: readonly string[], policy: VersionPolicy): readonly string[] {
  if (policy === 'all') return found;
  if ('latest' in policy) return found.slice(-policy.latest);
  return [...new Set(policy.specific)].sort((a, b) => a - b).map(String);
}

/** The version that a pipeline has: its manifest is all there is of it. */
const PIPELINE_VERSION = '1';

function pipelineOf(
  document: ManifestDocument,
  model: string,
  folders: readonly string[],
): StoredModel {
  if (folders.length > 0) {
    const message = `a pipeline has no graph of its own, but there is ${folders.join(', ')}`;
    throw document.error(['pipeline'], message);
  }
  const { about, description } = describe(document.validate(), model, PIPELINE_VERSION);
  // Whatever changes of it is in its description.
  const stored = { description, file: '', fingerprint: '' };
  return { model, description: about.description, versions: [stored] };
}

/** What a manifest says of the model, and of one of its versions. */
function describe(manifest: Manifest, model: string, version: string) {
  const { version_policy, default_version, versions, processor, ...shared } = manifest;
  const about: ModelManifest = {
    description: shared.description,
    version_policy,
    default_version,
  };
  const { description, held_out } = versions[version] ?? {};
  return { about, processor, description: { ...shared, model, version, description, held_out } };
}

async function readVersion(
  document: ManifestDocument,
  folder: string,
  model: string,
  version: string,
): Promise<{ about: ModelManifest; stored: StoredVersion }> {
  const at = path.join(folder, version);
  const manifest = document.validate(await readArtefacts(document.files, folder, version));
  const { about, processor, description: shared } = describe(manifest, model, version);
  const reference = await referenceOf(folder, version, manifest.drift);
  const sha256 = await processorDigest(at);
  if (processor && sha256 === null) {
    throw document.error(['processor'], `there is no processor.mjs for version ${version}`);
  }
  const description = {
    ...shared,
    processor: sha256 === null ? undefined : { sha256, ...processor },
  };
  const stored = {
    file: path.join(at, 'model.onnx'),
    fingerprint: await fingerprintOf(at, [
      ...(reference === undefined ? [] : [reference]),
      ...(await inputFiles(description, at)),
    ]),
    reference,
    description,
  };
  return { about, stored };
}

/** The one that the manifest names, also where it is not there: that is to be told. */
async function referenceOf(
  folder: string,
  version: string,
  drift: Manifest['drift'],
): Promise<string | undefined> {
  if (drift === false) return undefined;
  if (drift.reference !== undefined) return path.join(folder, drift.reference);
  for (const file of [
    path.join(folder, version, REFERENCE_FILE),
    path.join(folder, REFERENCE_FILE),
  ]) {
    if (await unlessUnusable(stat(file), null)) return file;
  }
  return undefined;
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

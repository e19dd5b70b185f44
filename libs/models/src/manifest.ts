import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { isRecord } from '#libs/contracts';
import { FILE_NAME } from '#libs/kinds';
import { type Artefact, parseLabels, parseScalers } from './artefacts.js';
import { complaints, fieldPath, ManifestError } from './manifest.error.js';
import {
  type Manifest,
  manifestSchema,
  pipelineManifestSchema,
  type VersionPolicy,
  versionPolicyOf,
} from './manifest.schema.js';
import { isUnusablePath } from './unusable-path.js';

/**
 * Reads a `model.yaml`. A file that is not there is empty: raw tensors in and out, as the graph names
 * them.
 * @param label how errors call the file, without the path before it: `iris/model.yaml`.
 * @throws ManifestError when it cannot be read, now as later; any other Error for trouble that may pass.
 */
export async function readManifest(file: string, label: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    if (!isUnusablePath(error)) throw error;
    throw new ManifestError(`${label}: cannot be read`, { cause: error });
  }
}

/** Fields that name a file, and how that is read. */
const FILES = [
  { path: ['input', 'scaler_file'], parse: parseScalers },
  { path: ['output', 'labels_file'], parse: parseLabels },
] as const;

/** The text of a `model.yaml`. @see readManifest */
export class ManifestDocument {
  private readonly lines = new LineCounter();
  private readonly document: Document;
  private readonly plain: unknown;
  /** By the files: versions may have their own, and whoever watches asks every few seconds. */
  private readonly validated = new Map<string, Manifest>();

  /** @throws ManifestError where it is no YAML. */
  constructor(
    text: string,
    private readonly label: string,
  ) {
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    const [broken] = this.document.errors;
    if (broken) {
      const { line } = this.lines.linePos(broken.pos[0]);
      throw new ManifestError(`${label}:${String(line)}: ${broken.message}`);
    }
    this.plain = plainValue(this.document, label) ?? {};
  }

  /** Names of the files that it needs to be validated. @throws ManifestError for what can be no name. */
  get files(): string[] {
    return FILES.flatMap(({ path }) => this.nameAt(path) ?? []);
  }

  /** It is for no graph of its own, but chains other models. */
  get isPipeline(): boolean {
    return isRecord(this.plain) && Object.hasOwn(this.plain, 'pipeline');
  }

  /** Which versions it is for; all while it is not valid. */
  get versionPolicy(): VersionPolicy {
    return versionPolicyOf(this.plain);
  }

  /** @param files by name; none for one that is not there. @throws ManifestError */
  validate(files: ReadonlyMap<string, Artefact> = new Map()): Manifest {
    const key = JSON.stringify([...files]);
    let manifest = this.validated.get(key);
    if (!manifest) this.validated.set(key, (manifest = this.check(files)));
    return manifest;
  }

  private check(files: ReadonlyMap<string, Artefact>): Manifest {
    const value = structuredClone(this.plain);
    for (const { path, parse } of FILES) {
      const name = this.nameAt(path);
      if (name === undefined) continue;
      const file = files.get(name);
      if (!file) throw this.error(path, `there is no file ${name} beside model.yaml`);
      const [part, field] = path;
      // The schema takes what the file says in place of its name.
      Object.assign((value as Record<string, object>)[part] ?? {}, { [field]: parse(file) });
    }
    const result = (this.isPipeline ? pipelineManifestSchema : manifestSchema).safeParse(value);
    if (result.success) return result.data;
    const place = (issue: z.core.$ZodIssue) => {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
      return this.place([...issue.path, ...unknown]);
    };
    throw new ManifestError(complaints(result.error, place));
  }

  /** A complaint about a field. */
  error(path: readonly PropertyKey[], message: string): ManifestError {
    return new ManifestError(`${this.place(path)}: ${fieldPath(path)}${message}`);
  }

  private nameAt(path: (typeof FILES)[number]['path']): string | undefined {
    const part = isRecord(this.plain) ? this.plain[path[0]] : undefined;
    const name = isRecord(part) ? part[path[1]] : undefined;
    if (name === undefined) return undefined;
    if (typeof name === 'string' && FILE_NAME.test(name)) return name;
    throw this.error(path, 'must be the name of a file beside model.yaml');
  }

  private place(path: readonly PropertyKey[]): string {
    const { line } = this.lines.linePos(offsetOf(this.document.contents, path));
    return `${this.label}:${String(line)}`;
  }
}

/** @throws ManifestError for aliases of nothing, and for those that would grow without end. */
function plainValue(document: Document, label: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new ManifestError(`${label}: ${(cause as Error).message}`, { cause });
  }
}

/** Where a field stands, or else what should hold it. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number {
  let offset = isNode(root) ? (root.range?.[0] ?? 0) : 0;
  let node = root;
  for (const part of path) {
    let place: unknown;
    if (isSeq(node)) place = node = node.items[Number(part)];
    else if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(part),
      );
      place = pair?.key;
      node = pair?.value;
    }
    if (!isNode(place)) break;
    offset = place.range?.[0] ?? offset;
  }
  return offset;
}

/** Validates the text of a `model.yaml` that has no files beside it. @throws ManifestError */
export function parseManifest(text: string, label: string): Omit<Manifest, 'processor'> {
  return new ManifestDocument(text, label).validate();
}

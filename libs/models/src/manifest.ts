import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { type Manifest, manifestSchema } from './manifest.schema.js';
import { isUnusablePath } from './unusable-path.js';

/** A `model.yaml` that cannot be used. The message names file, line or field. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

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

/** Validates the text of a `model.yaml`. @see readManifest @throws ManifestError */
export function parseManifest(text: string, label: string): Manifest {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new ManifestError(`${label}:${String(line)}: ${broken.message}`);
  }
  const result = manifestSchema.safeParse(plainValue(document, label) ?? {});
  if (result.success) return result.data;
  const complaints = result.error.issues.map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    const { line } = lines.linePos(offsetOf(document.contents, [...issue.path, ...unknown]));
    return `${label}:${String(line)}: ${fieldPath(issue.path)}${issue.message}`;
  });
  throw new ManifestError(complaints.join('; '));
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

function fieldPath(path: PropertyKey[]): string {
  const text = path
    .map((p) => (typeof p === 'number' ? `[${String(p)}]` : `.${String(p)}`))
    .join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

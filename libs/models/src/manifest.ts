import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { type Manifest, manifestSchema } from './manifest.schema.js';

/** A `model.yaml` that cannot be used. The message names file, line or field. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * Reads and validates a `model.yaml`. A file that is not there is a manifest of defaults: raw tensors
 * in and out, as the graph names them.
 * @param label how errors call the file, without the path before it: `iris/model.yaml`.
 * @throws ManifestError
 */
export async function loadManifest(file: string, label: string): Promise<Manifest> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return manifestSchema.parse({});
    throw new ManifestError(`${label}: cannot be read`, { cause: error });
  }
  return parseManifest(text, label);
}

/** @see loadManifest */
export function parseManifest(text: string, label: string): Manifest {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new ManifestError(`${label}:${String(line)}: ${broken.message}`);
  }
  const result = manifestSchema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (result.success) return result.data;
  const complaints = result.error.issues.map((issue) => {
    const at = document.getIn(
      issue.path.map((part) => part as string | number),
      true,
    ) as { range?: [number, number, number] | null } | undefined;
    const line = at?.range ? `:${String(lines.linePos(at.range[0]).line)}` : '';
    return `${label}${line}: ${fieldPath(issue.path)}${issue.message}`;
  });
  throw new ManifestError(complaints.join('; '));
}

function fieldPath(path: PropertyKey[]): string {
  const text = path
    .map((p) => (typeof p === 'number' ? `[${String(p)}]` : `.${String(p)}`))
    .join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

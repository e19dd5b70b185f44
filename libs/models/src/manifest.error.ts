import type { z } from 'zod';

/** A `model.yaml`, or a file that it names, that cannot be used. The message names file, line or field. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/** @param place where an issue is: file and perhaps line. */
export function complaints(error: z.ZodError, place: (issue: z.core.$ZodIssue) => string): string {
  return error.issues
    .map((issue) => `${place(issue)}: ${fieldPath(issue.path)}${issue.message}`)
    .join('; ');
}

/** `input.fields[0].std: `; nothing for the whole. */
export function fieldPath(path: readonly PropertyKey[]): string {
  const text = path
    .map((p) => (typeof p === 'number' ? `[${String(p)}]` : `.${String(p)}`))
    .join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

/** What stays as it is until somebody changes the folder. */
const UNUSABLE = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
]);

/**
 * Whether a path leads nowhere that can be read: not there, of another kind, not permitted. Anything
 * else (a stale NFS handle, too many open files, a failing disk) may pass and says nothing of the path.
 */
export function isUnusablePath(error: unknown): boolean {
  return UNUSABLE.has((error as NodeJS.ErrnoException).code ?? '');
}

/** `fallback` in place of a path that leads nowhere. @throws Error for trouble that may pass. */
export async function unlessUnusable<T, F>(reading: Promise<T>, fallback: F): Promise<T | F> {
  try {
    return await reading;
  } catch (error) {
    if (isUnusablePath(error)) return fallback;
    throw error;
  }
}

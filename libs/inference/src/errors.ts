/** One instance cannot be used. The message is for its caller. */
export class InstanceError extends Error {
  override readonly name = 'InstanceError';
}

/** `model.yaml` and the graph do not fit together. The message is for the operator. */
export class ManifestMismatch extends Error {
  override readonly name = 'ManifestMismatch';
}

/** The runner process ended while it had work. */
export class RunnerCrashed extends Error {
  override readonly name = 'RunnerCrashed';
}

/** The model could not be loaded. The message is for operators and, in a 503, for callers. */
export class ModelLoadError extends Error {
  override readonly name = 'ModelLoadError';
}

/** An error's message without file paths, fit for callers. */
export function plainReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/(?:[A-Za-z]:)?(?:[\\/][\p{L}\p{N}_.@+-]+)+[\\/]([\p{L}\p{N}_.@+-]+)/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 500);
}

/** One instance cannot be used. The message is for its caller. */
export class InstanceError extends Error {
  override readonly name = 'InstanceError';
}

/** A `processor.mjs` failed on one instance. The message is its author's, for the caller. */
export class ProcessingError extends Error {
  override readonly name = 'ProcessingError';
}

/** `model.yaml` and the graph do not fit together. The message is for the operator. */
export class ManifestMismatch extends Error {
  override readonly name = 'ManifestMismatch';
}

/** The runner process ended while it had work. */
export class RunnerCrashed extends Error {
  override readonly name = 'RunnerCrashed';
  /** The batch was being computed, so that it may be the cause. */
  readonly suspect: boolean;
  /** It looks as if memory ran out. */
  readonly outOfMemory: boolean;

  constructor(message: string, of: { suspect: boolean; outOfMemory: boolean }) {
    super(message);
    this.suspect = of.suspect;
    this.outOfMemory = of.outOfMemory;
  }

  /** The same for a batch that was only waiting in the process. */
  forBystander(): RunnerCrashed {
    return new RunnerCrashed(this.message, { suspect: false, outOfMemory: this.outOfMemory });
  }
}

/** A batch took longer than it may, and its runner process was ended. */
export class RunTimeout extends Error {
  override readonly name = 'RunTimeout';

  constructor() {
    super('the batch ran for too long');
  }
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
    .slice(0, 500)
    .toWellFormed();
}

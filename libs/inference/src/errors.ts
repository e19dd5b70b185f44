/** Why a job failed with `execution-timeout`. */
export const OVERRAN = 'It computed for longer than execution_timeout_s, and was stopped.';

/** A `processor.mjs` failed on one instance. The message is its author's, for the caller. */
export class ProcessingError extends Error {
  override readonly name = 'ProcessingError';
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

/** A sequence was ended before its time, as its job is over. */
export class SequenceCanceled extends Error {
  override readonly name = 'SequenceCanceled';

  constructor() {
    super('the job is over');
  }
}

/** A sequence took longer than it may, and has left its batch. The message is for its caller. */
export class SequenceTimeout extends Error {
  override readonly name = 'SequenceTimeout';

  constructor() {
    super(OVERRAN);
  }
}

/** The model could not be loaded. The message is for operators and, in a 503, for callers. */
export class ModelLoadError extends Error {
  override readonly name = 'ModelLoadError';
}

/** No process could be started, for want of file descriptors or memory, say. It tells nothing of the model. */
export class RunnerNotSpawned extends Error {
  override readonly name = 'RunnerNotSpawned';
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

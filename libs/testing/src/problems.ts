import { type PointedError, ProblemError, type ProblemCode } from '#libs/contracts';

/**
 * Runs what should be refused.
 * @returns the problem. @throws Error when nothing, or something else, was thrown.
 */
export function problemOf(run: () => unknown): ProblemError {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The code of the problem that `run` throws. */
export function codeOf(run: () => unknown): ProblemCode {
  return problemOf(run).code;
}

/** What the problem that `run` throws says of places in the body. */
export function pointedErrorsOf(run: () => unknown): readonly PointedError[] {
  return problemOf(run).errors ?? [];
}

import { ProblemError } from '#libs/contracts';

/** Counts are kept apart by stretches of so long. */
export const MIN_WINDOW_S = 300;
/** And for about so long. */
export const MAX_WINDOW_S = 86_400;

/** @throws ProblemError `invalid-request` for what is no window. */
export function windowIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (/^[0-9]+$/.test(text) && seconds >= MIN_WINDOW_S && seconds <= MAX_WINDOW_S) return seconds;
  throw new ProblemError(
    'invalid-request',
    `window_s must be ${String(MIN_WINDOW_S)} to ${String(MAX_WINDOW_S)} seconds.`,
  );
}

/** Why a file did not come, as metrics count it. */
export type FetchFailure = 'forbidden' | 'timed-out' | 'unreachable' | 'refused' | 'unusable';

/** A file could not be fetched. The message says why, for the caller who named its URL, without parts of that. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';

  /** @param retryable the same URL may well give the file a moment later. */
  constructor(
    message: string,
    readonly outcome: FetchFailure,
    readonly retryable: boolean,
  ) {
    super(message);
  }
}

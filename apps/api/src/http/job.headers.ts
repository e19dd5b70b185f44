/** Seconds after which a client may sensibly ask for the first time. */
const RETRY_AFTER_S = '1';

/** Where a job is and, unless it has ended, when to look there. */
export function jobHeaders(id: string, ended: boolean): Record<string, string> {
  const location = `/v1/jobs/${id}`;
  return ended ? { location } : { location, 'retry-after': RETRY_AFTER_S };
}

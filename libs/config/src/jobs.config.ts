import { z } from 'zod';
import { wholeNumber } from './fields.js';

/** How long jobs are kept, and how soon those of a dead worker are taken over. */
export const jobsSchema = z.object({
  RESULT_TTL_S: wholeNumber(1, 30 * 86_400, 86_400).describe(
    'How long a result is kept after the end, unless the caller says otherwise',
  ),
  MAX_RESULT_TTL_S: wholeNumber(1, 365 * 86_400, 7 * 86_400).describe('Most a caller may ask for'),
  MAX_QUEUE_TIMEOUT_S: wholeNumber(1, 365 * 86_400, 30 * 86_400).describe(
    'Longest queue_timeout_s a caller may ask for',
  ),
  MAX_ATTEMPTS: wholeNumber(1, 100, 3).describe(
    'How often a job is tried whose failure may pass, such as a model that cannot be loaded',
  ),
  RETRY_FIRST_DELAY_MS: wholeNumber(10, 3_600_000, 1000).describe(
    'Delay before the second attempt; it doubles from there, with jitter',
  ),
  LOCK_DURATION_MS: wholeNumber(1000, 300_000, 8000).describe(
    'A worker that has not renewed its hold on a job for this long is taken for dead',
  ),
  STALLED_INTERVAL_MS: wholeNumber(500, 300_000, 4000).describe(
    'How often workers look for jobs of dead ones',
  ),
});

import { z } from 'zod';
import { wholeNumber } from './fields.js';

const MIB = 1024 * 1024;

/** Files that callers name by URL. What they may reach is what webhooks may, see OUTBOUND_ALLOW. */
export const inputsSchema = z.object({
  INPUT_FETCH_TIMEOUT_S: wholeNumber(1, 300, 20).describe(
    'How long a file that an instance names by URL may take to come, redirects included',
  ),
  INPUT_FETCH_MAX_BYTES: wholeNumber(1024, 128 * MIB, 10 * MIB).describe(
    'Most bytes of such a file',
  ),
  INPUT_FETCH_TOTAL_BYTES: wholeNumber(1024, 256 * MIB, 128 * MIB).describe(
    'Most bytes of all such files of a job together',
  ),
});

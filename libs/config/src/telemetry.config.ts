import { z } from 'zod';
import { flag } from './fields.js';

/** What is said of the running system. */
export const telemetrySchema = z.object({
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least severe lines that are written'),
  LOG_PRETTY: flag(false).describe('Lines for people instead of JSON; `npm start` sets it'),
});

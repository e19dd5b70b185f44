import { z } from 'zod';
import { wholeNumber } from './fields.js';

/** When what Redis has written is on disk: before it answers, or within a second or two. */
export const DURABILITIES = ['always', 'everysec'] as const;
export type Durability = (typeof DURABILITIES)[number];

/** The Redis that carries records and queues. */
export const redisSchema = z.object({
  REDIS_URL: z
    .string({ error: 'is needed: redis://host:port (npm start brings its own Redis)' })
    .regex(/^rediss?:\/\//, 'must start with redis:// or rediss://')
    .describe('Redis or compatible service; unset under `npm start`: a private one is started'),
  DURABILITY: z
    .enum(DURABILITIES, { error: 'must be always or everysec' })
    .optional()
    .describe(
      'When Redis has what it was told on disk: the private one does so, another is checked',
    ),
  WAIT_REPLICAS: wholeNumber(0, 16, 0).describe(
    'How many replicas of Redis must have a job before it is accepted',
  ),
  KEY_PREFIX: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/i, 'must be 1 to 32 letters, digits, _ or -')
    .default('foretell')
    .describe('Start of every key, so that several installations can share a Redis'),
});

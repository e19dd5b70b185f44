import { z } from 'zod';

/** The Redis that carries records and queues. */
export const redisSchema = z.object({
  REDIS_URL: z
    .string({ error: 'is needed: redis://host:port (npm start brings its own Redis)' })
    .regex(/^rediss?:\/\//, 'must start with redis:// or rediss://')
    .describe('Redis or compatible service; unset under `npm start`: a private one is started'),
  KEY_PREFIX: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/i, 'must be 1 to 32 letters, digits, _ or -')
    .default('foretell')
    .describe('Start of every key, so that several installations can share a Redis'),
});

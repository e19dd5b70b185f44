import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import type { Config } from '#libs/config';
import { HEADERS } from '../openapi/headers.js';

/** How long a browser need not ask again what it may send. */
const PREFLIGHT_S = 600;

/**
 * Lets pages of other origins read what the api answers, where CORS_ORIGINS names them. They bring a key, which
 * their page knows: never credentials that the browser adds by itself, and so the board stays closed to them.
 */
export async function allowOrigins(fastify: FastifyInstance, config: Config): Promise<void> {
  const { CORS_ORIGINS } = config.server;
  if (CORS_ORIGINS.length === 0) return;
  await fastify.register(cors, {
    origin: CORS_ORIGINS,
    credentials: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Cache-Control',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'Last-Event-ID',
      'Prefer',
      'X-Request-ID',
    ],
    exposedHeaders: Object.keys(HEADERS),
    maxAge: PREFLIGHT_S,
  });
}

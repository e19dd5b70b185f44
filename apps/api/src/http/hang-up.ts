import type { FastifyReply } from 'fastify';

/**
 * Aborts once nobody waits for the answer any more: it is out, or the client has hung up. Fastify's
 * `request.signal` will not do: for it, a request with a body is over as soon as that has been read.
 */
export function hangUpOf(reply: FastifyReply): AbortSignal {
  const over = new AbortController();
  if (reply.raw.closed) over.abort();
  else {
    reply.raw.once('close', () => {
      over.abort();
    });
  }
  return over.signal;
}

import type { FastifyInstance } from 'fastify';
import { ProblemError } from '#libs/contracts';

/**
 * While the api drains, what still comes in on open connections hears 503, and that the connection ends.
 * Fastify would say so as well, but not as a problem.
 */
export function refuseWhileClosing(fastify: FastifyInstance): void {
  let isClosing = false;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  fastify.addHook('onRequest', (_request, _reply, done) => {
    if (isClosing) {
      const detail = 'This process is stopping. Send the request again, on a new connection.';
      throw new ProblemError('not-ready', detail, { retryAfterS: 1 });
    }
    done();
  });
}

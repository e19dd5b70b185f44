import type { FastifyInstance } from 'fastify';
import { ProblemError } from '#libs/contracts';

/** Longest that readers may take over their answers once the api drains. */
const LAST_ANSWERS_MS = 15_000;

/**
 * While the api drains, what still comes in on open connections hears 503, and that the connection ends.
 * Fastify would say so as well, but not as a problem. A reader that stands still does not keep it from ending.
 */
export function refuseWhileClosing(
  fastify: FastifyInstance,
  lastAnswersMs = LAST_ANSWERS_MS,
): void {
  let isClosing = false;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    setTimeout(() => {
      fastify.server.closeAllConnections();
    }, lastAnswersMs).unref();
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

import type { FastifyInstance } from 'fastify';
import { ProblemError } from '#libs/contracts';

/** Paths of the routes that are registered from now on. */
export function watchPaths(fastify: FastifyInstance): Set<string> {
  const paths = new Set<string>();
  fastify.addHook('onRoute', ({ url }) => void paths.add(url));
  return paths;
}

/** Answers the methods that a path does not have with 405; Fastify alone takes such a path for unknown. */
export function refuseOtherMethods(fastify: FastifyInstance, paths: Iterable<string>): void {
  // A copy: the routes added here are heard of, too.
  for (const url of [...paths]) {
    const isKnown = (method: string) => fastify.hasRoute({ url, method });
    const allow = fastify.supportedMethods.filter(isKnown).join(', ');
    fastify.route({
      url,
      method: fastify.supportedMethods.filter((method) => !isKnown(method)),
      config: { access: 'public' },
      // Before the body is looked at, whatever its type is.
      onRequest: (_request, reply, done) => {
        reply.header('allow', allow);
        done(new ProblemError('method-not-allowed', `This path takes ${allow}.`));
      },
      handler: () => undefined,
    });
  }
}

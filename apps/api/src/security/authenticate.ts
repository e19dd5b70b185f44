import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { leaveUnread } from '../http/unread-body.js';
import { type ApiKey, ApiKeys } from './api-keys.js';
import { FailedAttempts } from './failed-attempts.js';
import { tellAccess } from './route-access.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that it came with; absent where none is needed. */
    key?: ApiKey;
  }
}

/** Routes that no controller of ours has: the OpenAPI pages, and the board with its own login. */
const NOT_OURS = /^\/(docs|docs-json|docs-yaml|admin)(\/|$)/;

/**
 * Lets in whoever brings a key that has the scope of the route; everybody, where no key is needed. All that is
 * looked at is the head of the request: of a body that is refused nothing is read.
 */
export function authenticate(app: NestFastifyApplication): void {
  const keys = app.get(ApiKeys);
  const failed = app.get(FailedAttempts);
  tellAccess(app);

  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      if (!keys.required || isOpen(request)) {
        done();
        return;
      }
      try {
        admit(request, keyOf(request));
        done();
      } catch (error) {
        leaveUnread(request, reply);
        done(error as Error);
      }
    });

  /** @throws ProblemError `unauthorized`, or `rate-limited` for one who has guessed too often. */
  function keyOf({ headers, ip }: FastifyRequest): ApiKey {
    const [scheme, text] = (headers.authorization ?? '').split(' ');
    if (scheme?.toLowerCase() === 'bearer' && text) {
      const key = keys.find(text);
      if (key) return key;
      const retryAfterS = failed.add(ip);
      if (retryAfterS !== null) {
        const detail = 'Too many wrong keys came from your address. Send a valid one, or wait.';
        throw new ProblemError('rate-limited', detail, { retryAfterS });
      }
    }
    throw new ProblemError('unauthorized', 'Send a valid key: Authorization: Bearer <api key>.');
  }
}

/** @throws ProblemError `forbidden` for a key without the scope of the route. */
function admit(request: FastifyRequest, key: ApiKey): void {
  const { access } = request.routeOptions.config;
  if (access === undefined || access === 'public') {
    throw new TypeError('a route without a scope is closed to everybody');
  }
  if (!key.scopes.has(access)) {
    throw new ProblemError('forbidden', `Use a key that has the scope ${access}.`);
  }
  request.owner = key.name;
  request.key = key;
}

function isOpen({ is404, routeOptions }: FastifyRequest): boolean {
  return is404 || routeOptions.config.access === 'public' || NOT_OURS.test(routeOptions.url ?? '');
}

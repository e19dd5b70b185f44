import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { failSpan, isTracing, startSpan, traceparentOf } from '#libs/telemetry';

/** What callers ask for; not health, metrics, docs and the board. */
const TRACED = /^\/(v1|predict|jobs)(\/|$)/;

declare module 'fastify' {
  interface FastifyRequest {
    /** Trace context of its span; absent where it is not traced. */
    traceparent?: string;
  }
}

/** A span for every request to a route that is there, under what the caller's `traceparent` says. */
export function traceRequests(fastify: FastifyInstance): void {
  if (!isTracing()) return;
  fastify.addHook('onRequest', (request, reply, done) => {
    const { url: route } = request.routeOptions;
    if (route !== undefined && TRACED.test(route)) trace(request, reply, route);
    done();
  });
}

function trace(request: FastifyRequest, reply: FastifyReply, route: string): void {
  const span = startSpan(`${request.method} ${route}`, request.headers, {
    kind: 'server',
    attributes: {
      'http.request.method': request.method,
      'http.route': route,
      'url.scheme': request.protocol,
      'url.path': request.url.split('?', 1)[0],
      'foretell.request.id': request.id,
    },
  });
  if (!span) return;
  request.traceparent = traceparentOf(span);
  // Unlike Fastify's onResponse also where the caller has hung up.
  reply.raw.once('close', () => {
    const { writableFinished, statusCode } = reply.raw;
    if (writableFinished) span.setAttribute('http.response.status_code', statusCode);
    if (!writableFinished) failSpan(span, 'hung-up');
    else if (statusCode >= 500) failSpan(span, String(statusCode));
    span.end();
  });
}

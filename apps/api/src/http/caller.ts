import type { FastifyRequest } from 'fastify';
import type { Config } from '#libs/config';

/** Who asks, and how the answer's URLs reach them. */
export interface Caller {
  /** Name of the API key; '' where the server runs without keys. */
  owner: string;
  requestId: string;
  baseUrl: string;
  /** W3C trace context of this request's span; where it is not traced, the caller's own. */
  traceparent: string | undefined;
  /** Where a limit holds for them: the caller's queued jobs by model, as the request came in. */
  queued?: ReadonlyMap<string, number> | null | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the API key; absent where none is needed. */
    owner?: string;
  }
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function callerOf(request: FastifyRequest, { server }: Config): Caller {
  return {
    owner: request.owner ?? '',
    requestId: request.id,
    baseUrl: server.PUBLIC_URL?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`,
    queued: request.queued,
    traceparent: request.traceparent ?? givenTraceparent(request),
  };
}

function givenTraceparent({ headers }: FastifyRequest): string | undefined {
  const given = headers['traceparent'];
  return typeof given === 'string' && TRACEPARENT.test(given) ? given : undefined;
}

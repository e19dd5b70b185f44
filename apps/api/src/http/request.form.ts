import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '#libs/contracts';
import { accepts, JSON_TYPE, wantsEvents } from './accept.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route answers with, where that is never JSON. */
    produces?: string;
  }
}

export const MAX_URL_LENGTH = 8192;
/** Pages, probes and metrics are for programs that say of `Accept` what they like. */
const CHECKED = /^\/(v1|predict|jobs)(\/|$)/;

/**
 * Refuses, before the body is read, what the api does not speak: URLs beyond measure, another coding or
 * character set of the body, another type of the answer.
 * @throws ProblemError `uri-too-long`, `unsupported-media-type` or `not-acceptable`.
 */
export function checkForm(request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.url !== undefined && request.raw.url.length > MAX_URL_LENGTH) {
    const most = String(MAX_URL_LENGTH);
    throw new ProblemError('uri-too-long', `A URL may have at most ${most} characters.`);
  }
  const { accept, 'content-encoding': coding, 'content-type': type } = request.headers;
  // Whoever could send a small body that is large when unpacked would get round every limit on bytes.
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    reply.header('accept-encoding', 'identity');
    throw new ProblemError('unsupported-media-type', 'Send the body without Content-Encoding.');
  }
  if (type !== undefined && type !== JSON_TYPE) checkCharset(type);
  if (accept !== undefined && accept !== '*/*') checkAccept(request, accept);
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i;

function checkCharset(type: string): void {
  const charset = CHARSET.exec(type)?.[1]?.toLowerCase();
  if (charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset)) return;
  throw new ProblemError('unsupported-media-type', 'Send the body in UTF-8.');
}

function checkAccept(request: FastifyRequest, accept: string): void {
  const { url, config } = request.routeOptions;
  if (url === undefined || !CHECKED.test(url)) return;
  const type = config.produces ?? JSON_TYPE;
  if (accepts(accept, type) || wantsEvents(request)) return;
  const either = config.mayStream === true ? `${type} or text/event-stream` : type;
  throw new ProblemError('not-acceptable', `The answer here is ${either}.`);
}

import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { ProblemError, type ProblemCode } from '#libs/contracts';
import { ApiMetrics } from '../api.metrics.js';
import { isWait } from '../limits/held.limits.js';
import { BodyLimits } from '../predict/body.limits.js';
import { checkForm } from './request.form.js';
import { bodyFromParts, checkBoundary, isMultipart } from './multipart.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route needs no body: whatever comes, of whatever type, is not looked at. */
    ignoreBody?: boolean;
  }
  interface FastifyRequest {
    /** What it is answered with, where that is a problem. */
    problemCode?: ProblemCode;
  }
}

/** Ids from callers end up in logs, records and webhooks: only plain ones are taken over. */
const SANE_REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The caller's `X-Request-ID`, if it is a sane one; else a fresh one. */
export function newRequestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomUUID();
}

/** Every answer carries the id of its request, whoever gives it: so this hook comes first. */
export function tellRequestId(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
}

/** What happens around every request that is let in: multipart bodies, counting, and a line when it fails. */
export function addRequestHooks(app: NestFastifyApplication, bodyLimit: number): void {
  const logger = new Logger('Request');
  const metrics = app.get(ApiMetrics);
  const limits = app.get(BodyLimits);
  const fastify = app.getHttpAdapter().getInstance();

  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.ignoreBody === true) forgetBody(request.raw.headers);
    checkForm(request, reply);
    limits.check(request, Number(request.headers['content-length']));
    if (isMultipart(request)) {
      checkBoundary(request);
      if (!(Number(request.headers['content-length']) <= bodyLimit)) {
        throw new ProblemError('payload-too-large', tooLarge(bodyLimit));
      }
    }
    done();
  });

  fastify.addHook('preValidation', (request, _reply, done) => {
    if (isMultipart(request)) request.body = bodyFromParts(request.body);
    done();
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const { method, problemCode } = request;
    const { statusCode: status, elapsedTime: elapsedMs } = reply;
    metrics.answered({ method, route, status, held: isWait(request), elapsedMs });
    if (problemCode) metrics.problem(problemCode);
    // Probes ask every few seconds, and their answer is their own.
    if (reply.statusCode >= 400 && !route.startsWith('/health')) {
      const line = {
        request_id: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        elapsed_ms: Math.round(reply.elapsedTime),
      };
      // A flood, or an outage, is counted; a line for each would be another.
      if (reply.statusCode === 429 || reply.statusCode === 503)
        logger.debug(line, 'request refused');
      else if (reply.statusCode >= 500) logger.error(line, 'request failed');
      else logger.warn(line, 'request refused');
    }
    done();
  });
}

/** What to do about a body over the limit. */
function tooLarge(limit: number): string {
  return `Send at most ${String(limit)} bytes, with a Content-Length for multipart uploads; the operator sets BODY_LIMIT_BYTES.`;
}

/** Without these Fastify takes a request for one without a body; Node drops what comes nevertheless. */
function forgetBody(headers: IncomingHttpHeaders): void {
  delete headers['content-encoding'];
  delete headers['content-type'];
  delete headers['content-length'];
  delete headers['transfer-encoding'];
}

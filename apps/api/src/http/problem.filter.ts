import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError, PROBLEMS, type ProblemCode, problemType } from '#libs/contracts';
import { LastingTrouble } from '#libs/telemetry';

/** What Fastify says of a body it could not read, as problems of ours. */
const FASTIFY_PROBLEMS: Record<string, [ProblemCode, string]> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad-request', 'The body and its Content-Length differ.'],
  FST_ERR_BAD_URL: ['bad-request', 'Send a URL whose percent-encoding is right.'],
  FST_ERR_MAX_PARAM_LENGTH: ['uri-too-long', 'Nothing here has a name of that length.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload-too-large', 'Send a smaller body.'],
  FST_INVALID_JSON_FIELD_ERROR: ['invalid-json', 'A part that says it is JSON must be.'],
  FST_REQ_FILE_TOO_LARGE: ['payload-too-large', 'Send smaller files.'],
  FST_PARTS_LIMIT: ['payload-too-large', 'Send fewer parts.'],
  FST_FILES_LIMIT: ['payload-too-large', 'Send fewer files.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'Send application/json, multipart/form-data for files, or text/csv for tables.',
  ],
};

/** What every request has while Redis is away. */
const OF_OUTAGES = new Set<ProblemCode>(['queue-unavailable', 'acceptance-unknown']);

/** Makes every error into `application/problem+json` (RFC 9457), and none of them into a leak. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');
  private readonly outage = new LastingTrouble(this.logger, 'error');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = toProblem(error);
    // In an outage every request has it, and its answers are counted.
    if (OF_OUTAGES.has(problem.code)) this.outage.met(problem.cause, problem.code);
    else if (problem.code === 'internal-error' || problem.cause !== undefined) {
      this.logger.error({ err: problem.cause ?? error, request_id: request.id }, problem.code);
    }
    sendProblem(problem, request, reply);
  }
}

/** Answers what Fastify refuses before it looks for a route, and before any hook. */
export function refuseUnroutable(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  reply.header('x-request-id', request.id);
  sendProblem(toProblem(error), request, reply);
}

function sendProblem(problem: ProblemError, request: FastifyRequest, reply: FastifyReply): void {
  request.problemCode = problem.code;
  if (problem.retryAfterS !== undefined) reply.header('retry-after', problem.retryAfterS);
  if (problem.code === 'unauthorized') reply.header('www-authenticate', 'Bearer');
  // Closed with the answer, a connection is reset under a client that is still sending, which then never
  // reads why. Kept, it takes in the rest of the body, unread.
  if (problem.code === 'payload-too-large') reply.removeHeader('connection');
  const { status, title, retryable } = PROBLEMS[problem.code];
  void reply
    .status(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send({
      type: problemType(problem.code),
      title,
      status,
      detail: problem.detail,
      instance: request.url.split('?', 1)[0],
      code: problem.code,
      retryable,
      request_id: request.id,
      ...(problem.errors ? { errors: problem.errors } : {}),
    });
}

function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof HttpException) {
    // Nest wraps what Fastify threw.
    return error.cause === undefined
      ? fromStatus(error.getStatus(), error)
      : toProblem(error.cause);
  }
  const { code, statusCode } = (error ?? {}) as { code?: string; statusCode?: number };
  const known = code === undefined ? undefined : FASTIFY_PROBLEMS[code];
  if (known) return new ProblemError(...known);
  if (isBrokenForm(error)) {
    return new ProblemError('bad-request', 'The form breaks off, or its boundary is another.');
  }
  // Nobody will read this; but it is no fault of ours, and not to be logged as one.
  if (isHangUp(error)) {
    return new ProblemError('bad-request', 'The client has hung up.');
  }
  if (isRedisTrouble(error)) {
    return new ProblemError('queue-unavailable', 'Send the same request again in a moment.', {
      retryAfterS: 2,
      cause: error,
    });
  }
  return fromStatus(statusCode ?? 500, error);
}

function fromStatus(status: number, error: unknown): ProblemError {
  if (status === 404) return new ProblemError('not-found', 'See /docs for what there is.');
  if (status >= 400 && status < 500) {
    return new ProblemError('bad-request', 'The request could not be understood. See /docs.');
  }
  return new ProblemError('internal-error', 'Try again; the request id helps the operator.', {
    cause: error,
  });
}

/** Of a body that breaks off, and of events whose reader has gone before the first of them. */
function isHangUp(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.message === 'aborted' ||
    (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
  );
}

/** Of the parser of forms, whose errors have nothing else to be told by. */
function isBrokenForm(error: unknown): boolean {
  return (
    error instanceof Error &&
    /end of multipart data$|^Multipart: Boundary not found$/.test(error.message)
  );
}

/** ioredis' errors while Redis is away, or full, or read-only. */
function isRedisTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    error.name === 'ReplyError' ||
    /Connection is closed|Command aborted|Command timed out|Socket timeout|enableOfflineQueue|Cluster|startup nodes|slots cache|ECONNREFUSED|ECONNRESET/.test(
      error.message,
    )
  );
}

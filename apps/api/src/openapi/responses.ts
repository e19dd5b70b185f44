import { applyDecorators } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiOkResponse,
  ApiResponse,
  type ResponseObject,
} from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from '#libs/contracts';
import { type HeaderName, headers } from './headers.js';
import { JobSchema } from './schemas.js';

/** Codes that stand on jobs alone; no request is answered with them. */
const ON_JOBS_ALONE = new Set<ProblemCode>([
  'canceled',
  'execution-timeout',
  'inference-failed',
  'input-fetch-failed',
  'input-lost',
  'poisoned',
  'processing-failed',
  'queue-timeout',
]);

/** Of routes that may keep their connection. */
export const TOO_MANY_HELD = ['rate-limited', 'too-many-connections'] as const;

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** 202: accepted, and on disk as far as the configured durability says. */
export function ApiJobAccepted(...more: HeaderName[]) {
  return ApiAcceptedResponse({
    type: JobSchema,
    description: 'The job was accepted and will reach an end',
    headers: headers('Location', 'Retry-After', ...more),
  });
}

/** 200: the job as it stands. */
export function ApiJob(...more: HeaderName[]) {
  return ApiOkResponse({
    type: JobSchema,
    description: 'The job as it stands',
    headers: headers(...more),
  });
}

/**
 * The problems that a route can answer with, by code; a status stands for all of its codes.
 * Those of every route need not be named: see `completeOperations`.
 */
export function ApiProblems(...problems: (ProblemCode | number)[]) {
  const codes = problems.flatMap((p) => (typeof p === 'number' ? codesOf(p) : p));
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))];
  return applyDecorators(
    ...statuses.map((status) => {
      const ofStatus = codes.filter((code) => PROBLEMS[code].status === status);
      return ApiResponse({ status, ...problemResponse(...ofStatus) });
    }),
  );
}

/** An answer with one of these problems, all of one status. */
export function problemResponse(...codes: ProblemCode[]): ResponseObject {
  const lines = codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`);
  const status = codes[0] && PROBLEMS[codes[0]].status;
  return {
    description: lines.join('; '),
    headers: {
      ...(status === 401 && headers('WWW-Authenticate')),
      ...((status === 429 || status === 503) && headers('Retry-After')),
    },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

/** All codes of a status that a request can be answered with. */
export function codesOf(status: number): ProblemCode[] {
  return CODES.filter((code) => PROBLEMS[code].status === status && !ON_JOBS_ALONE.has(code));
}

import type { FastifyRequest } from 'fastify';
import { isRecord, ProblemError, VERSION_REFERENCE } from '#libs/contracts';

export const VERSION_RULE = 'a version (a positive integer, as text), `stable` or `canary`';

/**
 * The version that a submission names, in its path, its body or the query `model_version`.
 * @param named by the path or the body. @returns undefined where none is named.
 * @throws ProblemError `invalid-request` for a query that is no version, or another than is named besides.
 */
export function askedVersion(
  { query, params }: FastifyRequest,
  named: string | undefined,
): string | undefined {
  const { model_version: asked } = query as { model_version?: string | string[] };
  if (asked === undefined) return named;
  if (typeof asked !== 'string' || !VERSION_REFERENCE.test(asked)) {
    throw refusal(`the query model_version must be ${VERSION_RULE}, and there once`);
  }
  if (named !== undefined && named !== asked) {
    const pointer = isRecord(params) && 'version' in params ? '' : '/version';
    throw refusal(`names version ${named}, but the query model_version names ${asked}`, pointer);
  }
  return asked;
}

function refusal(message: string, pointer = ''): ProblemError {
  const errors = [{ pointer, message }];
  return new ProblemError('invalid-request', 'Name one version, in one place; see errors.', {
    errors,
  });
}

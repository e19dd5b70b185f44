import type { FastifyRequest } from 'fastify';
import { ProblemError } from '#libs/contracts';

/** The ETag of what is counted by revisions. */
export function etagOf(revision: number): string {
  return `"${String(revision)}"`;
}

/**
 * The revision that must still hold, by `If-Match` (RFC 9110); undefined: any may.
 * @throws ProblemError `bad-request` for a header that is none of one ETag; `precondition-failed` for an ETag
 *   that was never given.
 */
export function revisionToMatch({ headers }: FastifyRequest): number | undefined {
  const text = headers['if-match']?.trim();
  if (text === undefined || text === '*') return undefined;
  const tag = /^(?:W\/)?"([^",]*)"$/.exec(text)?.[1];
  if (tag === undefined) {
    throw new ProblemError('bad-request', 'Send one ETag as If-Match: If-Match: "3".');
  }
  // A weak one never matches.
  if (/^\d{1,15}$/.test(tag) && text.startsWith('"')) return Number(tag);
  throw changedMeanwhile();
}

/** For whoever has decided on what does not hold any more. */
export function changedMeanwhile(): ProblemError {
  const detail = 'It is not what If-Match says any more: GET it, and decide again.';
  return new ProblemError('precondition-failed', detail);
}

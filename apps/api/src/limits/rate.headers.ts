import type { RateLimit } from '#libs/config';
import type { Grant } from '#libs/jobs';

/** A limit that holds for a request, and what came of asking. */
export interface Asked {
  /** As the headers call it. */
  name: 'default' | 'address';
  limit: RateLimit;
  grant: Grant;
}

/** What draft-ietf-httpapi-ratelimit-headers has answers say: structured fields (RFC 9651), lists of strings. */
export function rateHeaders(asked: readonly Asked[]): Record<string, string> {
  return {
    'ratelimit-policy': asked
      .map(({ name, limit }) => `"${name}";q=${limit.requests};w=${limit.windowS}`)
      .join(', '),
    ratelimit: asked
      .map(({ name, grant }) => `"${name}";r=${grant.left};t=${grant.fullInS}`)
      .join(', '),
  };
}

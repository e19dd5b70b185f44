import type { IncomingHttpHeaders } from 'node:http';

/** `no-cache`: computed anew. `no-store`: nor is its result kept. */
export type CacheDirective = 'no-cache' | 'no-store';

/**
 * What the `Cache-Control` of a request (RFC 9111) says of results that are kept; undefined: they may be used. What
 * else it says, or what is no directive at all, is passed over.
 */
export function cacheDirectiveOf(headers: IncomingHttpHeaders): CacheDirective | undefined {
  const header = headers['cache-control'];
  if (header === undefined) return undefined;
  const unquoted = header.replace(/"(?:[^"\\]|\\.)*"/g, '');
  const directives = unquoted.split(',').map((directive) => directive.trim().toLowerCase());
  return (['no-store', 'no-cache'] as const).find((wanted) => directives.includes(wanted));
}

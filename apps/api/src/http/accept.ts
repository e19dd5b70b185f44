import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route answers with events rather than JSON, where `Accept` would rather have those. */
    mayStream?: boolean;
  }
}

export const JSON_TYPE = 'application/json';
export const EVENTS_TYPE = 'text/event-stream';

interface Range {
  name: string;
  quality: number;
}

/** Whether an answer of this type will do. */
export function accepts(accept: string, type: string): boolean {
  const fitting = ['*/*', `${type.split('/', 1)[0] ?? ''}/*`, type];
  const ranges = rangesOf(accept);
  // Nothing named is the same as no Accept at all (RFC 9110 allows for an empty list).
  if (ranges.length === 0) return true;
  return ranges.some(({ name, quality }) => fitting.includes(name) && quality !== 0);
}

/** Whether the request is to be answered with events: it names them, and does not name JSON as just as good. */
export function wantsEvents({ headers, routeOptions }: FastifyRequest): boolean {
  const { accept } = headers;
  if (accept === undefined || routeOptions.config.mayStream !== true) return false;
  // Most requests do not ask for them, and are not to wait for a closer look.
  if (!accept.toLowerCase().includes(EVENTS_TYPE)) return false;
  const ranges = rangesOf(accept);
  return qualityOf(ranges, EVENTS_TYPE) > qualityOf(ranges, JSON_TYPE);
}

/** 0 where it is not named: a wildcard names nothing. */
function qualityOf(ranges: readonly Range[], type: string): number {
  return Math.max(0, ...ranges.filter(({ name }) => name === type).map(({ quality }) => quality));
}

function rangesOf(accept: string): Range[] {
  const named = accept.split(',').filter((range) => range.trim() !== '');
  return named.map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const said = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = Number(said?.slice(2) ?? 1);
    return { name, quality: Number.isNaN(quality) ? 1 : quality };
  });
}

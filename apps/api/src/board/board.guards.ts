import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Config, isLoopback } from '#libs/config';

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

const SAFE_METHODS = new Set(['GET', 'HEAD']);

/**
 * Refuses what pages of other sites send: whatever changes something comes from a page of this api. Browsers
 * say where a request is from, by `Sec-Fetch-Site` or else by `Origin`; what says neither is no browser.
 */
export function refuseCrossSite({ server }: Config): Hook {
  const publicHost = URL.parse(server.PUBLIC_URL ?? '')?.host;
  return async (request, reply) => {
    if (SAFE_METHODS.has(request.method)) return;
    const { origin, 'sec-fetch-site': site } = request.headers;
    const from = URL.parse(origin ?? '')?.host;
    const isOwn =
      site === undefined
        ? origin === undefined || from === request.host || (from && from === publicHost)
        : site === 'same-origin' || site === 'none';
    if (!isOwn) await refuse(reply, 'This comes from another site.');
  };
}

/**
 * Without a password the board is for whoever sits here, and where keys are in use for nobody. A name that leads here
 * but is not this machine's own is that of a proxy, which others reach, or of a page that plays tricks with DNS.
 * @param keys asked each time, as the first one may be made at any.
 */
export function onlyHere(keys: { readonly required: boolean }): Hook {
  return async (request, reply) => {
    const host = request.hostname.replace(/^\[(.*)\]$/, '$1');
    if (keys.required || !isLoopback(host))
      await refuse(reply, 'Set BOARD_PASSWORD to open the board.');
  };
}

async function refuse(reply: FastifyReply, reason: string): Promise<void> {
  await reply.status(403).type('text/plain; charset=utf-8').send(reason);
}

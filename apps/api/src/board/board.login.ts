import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '#libs/config';
import { BOARD_SESSION_S, type BoardSessions } from '#libs/jobs';
import { loginPage, logoutPage } from './login.page.js';

export const LOGIN = '/admin/login';
const LOGOUT = '/admin/logout';
const COOKIE = 'foretell-board';
/** More than a password takes. */
const FORM_LIMIT_BYTES = 4096;
/** A wrong password is answered after so long. */
const FAILURE_DELAY_MS = 500;

export interface BoardLogin {
  password: string;
  /** Where the board is. */
  board: string;
  config: Config;
  sessions: BoardSessions;
}

/** Adds the login, and lets only those in to all other routes of the scope who have logged in. */
export async function addLogin(scope: FastifyInstance, login: BoardLogin): Promise<void> {
  const { password, board, config, sessions } = login;
  const cookieOptions = (request: FastifyRequest) => ({
    path: '/admin',
    httpOnly: true,
    sameSite: 'strict' as const,
    secure: request.protocol === 'https' || config.server.PUBLIC_URL?.startsWith('https:') === true,
  });
  const isIn = async ({ cookies }: FastifyRequest): Promise<boolean> => {
    const token = cookies[COOKIE];
    return token !== undefined && (await sessions.isOpen(token, password));
  };

  await scope.register(cookie);
  scope.addHook('onRequest', async (request, reply) => {
    const { url } = request.routeOptions;
    if (url === LOGIN || url === LOGOUT || (await isIn(request))) return;
    if (request.headers.accept?.includes('text/html')) await reply.redirect(LOGIN, 303);
    else await reply.status(401).send(`Log in at ${LOGIN}.`);
  });

  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
    (_request, body, done) => {
      done(null, new URLSearchParams(body.toString()));
    },
  );

  scope.get(LOGIN, async (request, reply) =>
    page(reply, (await isIn(request)) ? logoutPage(board, LOGOUT) : loginPage(LOGIN)),
  );

  scope.post(LOGIN, async (request, reply) => {
    const waitMs = await sessions.tryLogin(request.ip);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000);
      reply.status(429).header('retry-after', seconds);
      return page(
        reply,
        loginPage(
          LOGIN,
          `Too many tries. Try again in ${String(Math.ceil(seconds / 60))} minutes.`,
        ),
      );
    }
    const given = request.body instanceof URLSearchParams ? request.body.get('password') : null;
    if (!isSame(given ?? '', password)) {
      await delay(FAILURE_DELAY_MS);
      return page(reply.status(401), loginPage(LOGIN, 'That is not the password.'));
    }
    await sessions.forgetTries(request.ip);
    const token = await sessions.open(password);
    reply.setCookie(COOKIE, token, { ...cookieOptions(request), maxAge: BOARD_SESSION_S });
    return reply.redirect(board, 303);
  });

  scope.post(LOGOUT, async (request, reply) => {
    const token = request.cookies[COOKIE];
    if (token !== undefined) await sessions.close(token);
    reply.clearCookie(COOKIE, cookieOptions(request));
    return reply.redirect(LOGIN, 303);
  });
}

/** In constant time. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function page(reply: FastifyReply, html: string): FastifyReply {
  return reply.header('cache-control', 'no-store').type('text/html; charset=utf-8').send(html);
}

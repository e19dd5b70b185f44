import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

const USER = 'admin';

/** Asks for user and password (HTTP Basic), and compares in constant time. */
export function boardAccess(password: string) {
  const expected = digest(`${USER}:${password}`);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const [scheme, credentials] = (request.headers.authorization ?? '').split(' ');
    const given = scheme?.toLowerCase() === 'basic' ? (credentials ?? '') : '';
    if (timingSafeEqual(digest(Buffer.from(given, 'base64').toString()), expected)) return;
    await reply
      .status(401)
      .header('www-authenticate', 'Basic realm="Foretell queues", charset="UTF-8"')
      .send('A password is needed (user admin).');
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

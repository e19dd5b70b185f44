import type { FastifyReply, FastifyRequest } from 'fastify';

/** A body of no more is taken in and forgotten, so that its sender reads the answer and may go on. */
const MAX_UNREAD_BYTES = 65_536;

/** For a request that is refused by its head: of a large body, or one of unknown size, the rest is not waited for. */
export function leaveUnread({ headers }: FastifyRequest, reply: FastifyReply): void {
  const isSmall =
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) <= MAX_UNREAD_BYTES;
  if (!isSmall) reply.header('connection', 'close');
}

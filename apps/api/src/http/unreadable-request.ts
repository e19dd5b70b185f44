import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { PROBLEMS, problemType } from '#libs/contracts';

const { status, title, retryable } = PROBLEMS['bad-request'];

/**
 * Answers a request that Node could not read: a control character in a header, a header without end. No hook
 * and no filter hears of it.
 */
export function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const requestId = randomUUID();
  const body = JSON.stringify({
    type: problemType('bad-request'),
    title,
    status,
    detail: 'Send well-formed HTTP, with headers of printable characters, within time.',
    code: 'bad-request',
    retryable,
    request_id: requestId,
  });
  const head = [
    `HTTP/1.1 ${String(status)} Bad Request`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    `X-Request-ID: ${requestId}`,
    'Connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
}

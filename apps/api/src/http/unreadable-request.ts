import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { PROBLEMS, type ProblemCode, problemType } from '#libs/contracts';
import { MAX_URL_LENGTH } from './request.form.js';

interface ClientError extends Error {
  code?: string | undefined;
  /** The bytes that came in last. */
  rawPacket?: unknown;
}

const DETAILS = {
  'bad-request': 'Send well-formed HTTP, with headers of printable characters.',
  'request-timeout': 'Send the request faster; the operator sets REQUEST_TIMEOUT_S.',
  'uri-too-long': 'Send a shorter URL.',
  'headers-too-large': 'Send fewer or shorter headers.',
} as const satisfies Partial<Record<ProblemCode, string>>;

/**
 * Answers a request that Node could not read: a control character in a header, a header without end, a body
 * that does not come. No hook and no filter hears of it.
 */
export function refuseUnreadable(error: ClientError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const code = problemOf(error);
  const { status, title, retryable } = PROBLEMS[code];
  const requestId = randomUUID();
  const body = JSON.stringify({
    type: problemType(code),
    title,
    status,
    detail: DETAILS[code],
    code,
    retryable,
    request_id: requestId,
  });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    `X-Request-ID: ${requestId}`,
    'Connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
}

/** The line that a request begins with. */
const REQUEST_LINE = /^[A-Z]+ [^\r\n]*/;

function problemOf({ code, rawPacket }: ClientError): keyof typeof DETAILS {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request-timeout';
  if (code !== 'HPE_HEADER_OVERFLOW') return 'bad-request';
  // Node counts the URL in with the headers.
  const packet = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1') : '';
  const line = REQUEST_LINE.exec(packet)?.[0] ?? '';
  return line.length > MAX_URL_LENGTH ? 'uri-too-long' : 'headers-too-large';
}

import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/**
 * Sends bytes as they are, which no client would, and leaves the connection open: what is missing does not
 * come, as from a slow client.
 * @param end whether the client says that it will send no more.
 * @returns the first answer. @throws Error when the connection ends without one.
 */
export async function sendRaw(
  url: string,
  parts: readonly (string | Buffer)[],
  end = false,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  // The api may hang up on a client that is still sending.
  socket.on('error', () => undefined);
  for (const part of parts) socket.write(part);
  if (end) socket.end();
  let received = '';
  try {
    for await (const chunk of socket.setEncoding('utf8')) {
      received += String(chunk);
      const answer = parse(received);
      if (answer) return answer;
    }
  } finally {
    socket.destroy();
  }
  throw new Error(`the connection ended without an answer, after ${JSON.stringify(received)}`);
}

/** @returns undefined while the answer is not there in full. */
function parse(received: string): RawAnswer | undefined {
  const [head = '', body] = received.split('\r\n\r\n', 2);
  if (body === undefined) return undefined;
  const [line = '', ...fields] = head.split('\r\n');
  const headers = new Headers(
    fields.map((field): [string, string] => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon), field.slice(colon + 1)];
    }),
  );
  if (Buffer.byteLength(body) < Number(headers.get('content-length'))) return undefined;
  return {
    status: Number(line.split(' ')[1]),
    headers,
    body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
  };
}

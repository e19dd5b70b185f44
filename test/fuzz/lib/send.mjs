import { connect } from 'node:net';

const QUIET_MS = 2000;
/** Longer than any answer takes that is not stuck. */
const PATIENCE_MS = 30_000;

/**
 * Behind what is sent, so that the api hangs up once it has answered. Where it takes this for part of a body, it
 * hangs up after its REQUEST_TIMEOUT_S.
 */
const LAST = 'GET /problems/bad-request HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/**
 * Sends bytes and hears the api out.
 *
 * @param {URL} url
 * @param {Buffer} bytes
 * @returns {Promise<{ statuses: number[], text: string }>} of every answer: garbage may hold several requests;
 * none where the api hung up
 * @throws {Error} when nothing comes, and the connection stays
 */
export function send(url, bytes) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname);
    let text = '';
    let quietMs = 0;
    socket.setEncoding('latin1');
    socket.setTimeout(QUIET_MS, () => {
      quietMs += QUIET_MS;
      // The last request may have been the end of a body: then it waits for another one.
      if (text === '' && quietMs < PATIENCE_MS) return;
      if (text === '')
        reject(new Error(`no answer to ${JSON.stringify(bytes.toString('latin1'))}`));
      socket.destroy();
    });
    socket.on('data', (chunk) => (text += String(chunk)));
    // The api may hang up while it is still being sent to.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const lines = text.matchAll(/HTTP\/1\.1 (\d{3}) /g);
      resolve({ statuses: [...lines].map(([, status]) => Number(status)), text });
    });
    socket.write(bytes);
    socket.write(LAST);
  });
}

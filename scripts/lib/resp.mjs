import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Only what is needed before anything is installed: a few commands, simple and bulk replies. */

/**
 * Sends commands over one connection and resolves to their replies; an error reply is one that begins with `-`.
 *
 * @param {URL} url `redis:` or `rediss:`; user and password are sent when it has a password
 * @param {readonly (readonly string[])[]} commands
 * @param {number} [timeoutMs]
 * @returns {Promise<string[]>}
 * @throws {Error} no connection, no answer in time, or a server of another kind
 */
export function askRedis(url, commands, timeoutMs = 5_000) {
  const auth = url.password
    ? [
        [
          'AUTH',
          ...(url.username ? [decodeURIComponent(url.username)] : []),
          decodeURIComponent(url.password),
        ],
      ]
    : [];
  const all = [...auth, ...commands];
  const host = url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
  const port = Number(url.port || 6379);
  return new Promise((resolve, reject) => {
    const request = () => socket.write(all.map(encode).join(''));
    // An IP address is no valid server name in TLS.
    const servername = /^[\d.]+$|:/.test(host) ? '' : host;
    const socket =
      url.protocol === 'rediss:'
        ? connectTls({ host, port, servername }, request)
        : connect({ host, port }, request);
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new Error(`no answer within ${timeoutMs} ms`)),
    );
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        const replies = decode(received, all.length);
        if (!replies) return;
        resolve(replies.slice(auth.length));
        socket.destroy();
      } catch (error) {
        socket.destroy(/** @type {Error} */ (error));
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** @param {readonly string[]} command */
function encode(command) {
  return `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/**
 * @param {Buffer} bytes
 * @param {number} count
 * @returns {string[] | undefined} undefined while bytes are missing
 */
function decode(bytes, count) {
  const replies = [];
  for (let at = 0; replies.length < count;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const line = bytes.toString('utf8', at, end);
    at = end + 2;
    if (line.startsWith('$')) {
      const size = Math.max(0, Number(line.slice(1)));
      if (bytes.length < at + size + 2) return undefined;
      replies.push(bytes.toString('utf8', at, at + size));
      at += size + 2;
    } else if (/^[+:-]/.test(line)) {
      replies.push(line);
    } else {
      throw new Error('this is not a Redis server');
    }
  }
  return replies;
}

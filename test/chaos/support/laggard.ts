import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 50;
/** As /proc/net/tcp has it. */
const ESTABLISHED = '01';

/** A client that asks for something and then reads nothing of it: it does not even hear that it is hung up on. */
export class Laggard {
  private constructor(private readonly socket: Socket) {}

  static async ask(url: URL, headers: Record<string, string>): Promise<Laggard> {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const fields = Object.entries({ host: url.host, ...headers }).map(([k, v]) => `${k}: ${v}`);
    socket.write(`GET ${url.pathname} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
    return new Laggard(socket);
  }

  /** Resolves when the other side has hung up. */
  async dropped(): Promise<void> {
    const { localPort = 0, remotePort = 0 } = this.socket;
    while (isConnected(remotePort, localPort)) await delay(LOOK_MS);
    this.socket.destroy();
  }
}

/** Whether the side that has the first port still holds its connection to the other. */
function isConnected(port: number, peerPort: number): boolean {
  const ends = `${hex(port)} [0-9A-F]{8}:${hex(peerPort)} ${ESTABLISHED}`;
  return new RegExp(`:${ends}`).test(readFileSync('/proc/net/tcp', 'latin1'));
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

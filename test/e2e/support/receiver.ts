import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver that answers what it is told to, and can be waited on. */
export class Receiver {
  readonly received: Received[] = [];
  answers: number[] = [];
  private readonly server: Server;
  private wake: () => void = () => undefined;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.writeHead(this.answers.shift() ?? 204, { location: '/elsewhere' }).end();
        this.received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        this.wake();
      });
    });
  }

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  async count(count: number): Promise<Received[]> {
    while (this.received.length < count) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.received;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  /** Status that it was answered with. */
  answered: number;
}

/** A receiver that answers what it is told to, and can be waited on. */
export class Receiver {
  readonly received: Received[] = [];
  /** Statuses of the next answers; then 204. */
  answers: number[] = [];
  /** How it answers; another way than by the next status. */
  answer: (response: ServerResponse, status: number) => void = (response, status) => {
    response.writeHead(status, { location: '/elsewhere' }).end();
  };
  private readonly server: Server;
  private wake: () => void = () => undefined;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answered = this.answers.shift() ?? 204;
        const body = Buffer.concat(chunks).toString();
        this.received.push({ headers: request.headers, body, answered });
        this.answer(response, answered);
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

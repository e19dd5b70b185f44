import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server of files, each of which answers as it is told to. */
export class FileServer {
  /** Paths without their queries, in the order in which they were asked for. */
  readonly asked: string[] = [];
  /** Most requests that were open at once. */
  mostOpen = 0;
  private open = 0;
  private readonly files = new Map<string, Answer>();
  private readonly server: Server;
  private readonly listeners = new Set<() => void>();

  constructor() {
    this.server = createServer((request, response) => {
      const [path = ''] = (request.url ?? '').split('?');
      this.asked.push(path);
      this.mostOpen = Math.max(this.mostOpen, ++this.open);
      response.once('close', () => {
        this.open--;
        this.wake();
      });
      this.wake();
      const answer = this.files.get(path);
      if (answer) answer(response, request);
      else response.writeHead(404).end('not here');
    });
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** Puts a file there. @returns its URL. */
  put(path: string, answer: Answer | Buffer): string {
    this.files.set(
      path,
      Buffer.isBuffer(answer) ? (response) => void response.end(answer) : answer,
    );
    return this.url(path);
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** Forgets what was asked for. */
  forget(): void {
    this.asked.length = 0;
    this.mostOpen = 0;
  }

  /** Resolves when so many requests are under way. */
  async untilOpen(count: number): Promise<void> {
    while (this.open !== count) {
      await new Promise<void>((resolve) => this.listeners.add(resolve));
    }
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private wake(): void {
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }
}

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebhookPayload } from '#libs/contracts';

/** A receiver of webhooks, and what it was told of each job's end. */
export class Hooks {
  /** Ids of the messages (`webhook-id`) by job: more than one means that its end was told as two events. */
  readonly ends = new Map<string, Set<string>>();
  /** Messages that came more than once. */
  repeated = 0;
  /** How it answers; otherwise than by 204 to every one. */
  answer: RequestListener = (_, response) => void response.writeHead(204).end();
  url = '';
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.hear(String(request.headers['webhook-id']), Buffer.concat(chunks).toString());
      this.answer(request, response);
    });
  });

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private hear(message: string, body: string): void {
    const { data } = JSON.parse(body) as WebhookPayload;
    const messages = this.ends.get(data.id) ?? new Set();
    if (messages.has(message)) this.repeated++;
    this.ends.set(data.id, messages.add(message));
  }
}

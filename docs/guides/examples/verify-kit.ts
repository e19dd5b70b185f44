// Receives webhooks with Foretell's own kit: as verify.ts, and no sending is taken twice.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { ReplayMemory, verifyWebhook, WebhookRejected } from '#libs/client';

// Both, comma-separated, while a secret is being replaced.
const secrets = (process.env['WEBHOOK_SECRET'] ?? '').split(',');
const replays = new ReplayMemory();

async function receive(headers: Headers, body: string): Promise<number> {
  try {
    const { id, event } = await verifyWebhook({ headers, body, secrets, replays });
    console.log(id, event.type, event.data.id, (event.data.output as { label: string }).label);
    return 204;
  } catch (error) {
    if (!(error instanceof WebhookRejected)) throw error;
    console.error('rejected:', error.reason);
    return 401;
  }
}

const server = createServer((request, response) => {
  void text(request)
    .then((body) => receive(new Headers(request.headers as Record<string, string>), body))
    .catch(() => 500)
    .then((status) => response.writeHead(status).end());
});
server.listen(Number(process.env['PORT'] ?? 9000), '127.0.0.1', () => console.log('listening'));

// Receives webhooks, and verifies them with the package standardwebhooks.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const webhook = new Webhook(process.env['WEBHOOK_SECRET'] ?? '');

const server = createServer((request, response) => {
  // The raw body, as it came in: JSON that was parsed and written again has other bytes.
  void text(request).then((body) => {
    try {
      const event = webhook.verify(body, request.headers as Record<string, string>) as {
        type: string;
        sequence: number;
        data: { id: string; output: { label: string } | null };
      };
      console.log(
        request.headers['webhook-id'],
        event.type,
        event.data.id,
        event.data.output?.label,
      );
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(error instanceof WebhookVerificationError ? 401 : 500).end();
    }
  });
});
server.listen(Number(process.env['PORT'] ?? 9000), '127.0.0.1', () => console.log('listening'));

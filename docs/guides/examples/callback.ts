// Receives callbacks, and believes only those that Foretell signed in the last five minutes.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';

const secret = Buffer.from((process.env['WEBHOOK_SECRET'] ?? '').replace('whsec_', ''), 'base64');
if (secret.length === 0) throw new Error('WEBHOOK_SECRET is needed: anybody could sign without it');

/** Over the raw body, as it came in. */
function isGenuine(headers: IncomingHttpHeaders, body: Buffer): boolean {
  const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
  const digest = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest();
  // There are several while a secret is being replaced.
  const signed = String(headers['webhook-signature'])
    .split(' ')
    .map((signature) => Buffer.from(signature.replace('v1,', ''), 'base64'))
    .some((given) => given.length === digest.length && timingSafeEqual(given, digest));
  return signed && Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
}

const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    const genuine = isGenuine(request.headers, body);
    response.writeHead(genuine ? 204 : 401).end();
    if (!genuine) return;
    const { type, data } = JSON.parse(body.toString()) as {
      type: string;
      data: { id: string; output: { label: string } | null };
    };
    // A delivery can come twice: its id is the same then.
    console.log(request.headers['webhook-id'], type, data.id, data.output?.label);
  });
});
server.listen(Number(process.env['PORT'] ?? 9000), '127.0.0.1', () => console.log('listening'));

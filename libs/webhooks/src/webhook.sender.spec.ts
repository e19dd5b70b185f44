import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { OutboundForbidden, OutboundGuard } from './outbound-guard.js';
import { WebhookSender } from './webhook.sender.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const payload: WebhookPayload = {
  type: 'job.succeeded',
  timestamp: '2026-11-01T00:00:00.000Z',
  data: { id: 'job_1', request_id: 'req-1', output: 'grüß' } as JobView,
};

describe('WebhookSender', () => {
  let server: Server;
  let port: number;
  let answer: RequestListener;
  let sut: WebhookSender;

  beforeEach(async () => {
    server = createServer((request, response) => answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    sut = new WebhookSender(new OutboundGuard(['127.0.0.1', 'localhost']), SECRET, 5000);
  });

  afterEach(async () => {
    await sut.close();
    server.closeAllConnections();
    server.close();
  });

  const send = (host = '127.0.0.1', sender = sut) =>
    sender.send(`http://${host}:${String(port)}/hook`, 'msg_1', payload);

  it('posts what Standard Webhooks verifies', async () => {
    const received = new Promise<unknown>((resolve, reject) => {
      answer = (request, response) => {
        text(request)
          .then((body) => {
            const { headers } = request;
            expect(headers).toMatchObject({
              'webhook-id': 'msg_1',
              'x-request-id': 'req-1',
              'content-type': 'application/json',
            });
            response.end();
            resolve(new Webhook(SECRET).verify(body, headers as Record<string, string>));
          })
          .catch(reject);
      };
    });
    expect(await send()).toMatchObject({ status: 200 });
    expect(await received).toEqual(payload);
  });

  it('goes to an allowed name', async () => {
    answer = (_, response) => response.writeHead(204).end();
    expect(await send('localhost')).toMatchObject({ status: 204 });
  });

  it.each([301, 302, 307, 308])('does not follow a %d', async (status) => {
    const seen: (string | undefined)[] = [];
    answer = ({ url }, response) => {
      seen.push(url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    };
    expect(await send()).toMatchObject({ status });
    expect(seen).toEqual(['/hook']);
  });

  it('reports what the receiver answers', async () => {
    answer = (_, response) => response.writeHead(410).end('gone');
    expect(await send()).toMatchObject({ status: 410 });
  });

  it.each([true, false])('bears answers that are too long (length told: %p)', async (told) => {
    answer = (_, response) => {
      const body = Buffer.alloc(1_000_000, 'x');
      response.writeHead(200, told ? { 'content-length': body.length } : {}).end(body);
    };
    expect(await send()).toMatchObject({ status: 200 });
  });

  it('gives up on a receiver that does not answer', async () => {
    const slow = new WebhookSender(new OutboundGuard(['127.0.0.1']), SECRET, 50);
    answer = () => undefined;
    await expect(send('127.0.0.1', slow)).rejects.toThrow(/timeout|aborted/i);
    await slow.close();
  });

  it('takes the status of a receiver that never ends its answer', async () => {
    const slow = new WebhookSender(new OutboundGuard(['127.0.0.1']), SECRET, 50);
    answer = (_, response) => response.writeHead(202).write('x');
    expect(await send('127.0.0.1', slow)).toMatchObject({ status: 202 });
    await slow.close();
  });

  it('says so when nobody listens', async () => {
    server.close();
    server.closeAllConnections();
    await expect(send()).rejects.toThrow('ECONNREFUSED');
  });

  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])(
    'never connects to %s unless that is allowed',
    async (host) => {
      answer = (_, response) => response.end();
      let connections = 0;
      server.on('connection', () => connections++);
      const closed = new WebhookSender(new OutboundGuard([]), SECRET, 5000);
      await expect(send(host, closed)).rejects.toThrow(OutboundForbidden);
      expect(connections).toBe(0);
      await closed.close();
    },
  );
});

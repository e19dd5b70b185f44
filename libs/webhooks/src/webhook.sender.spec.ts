import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { startTestDns } from '#libs/testing';
import { OutboundGuard } from './outbound-guard.js';
import { OutboundClient } from './outbound.client.js';
import { WebhookSender } from './webhook.sender.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NEXT = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const payload: WebhookPayload = {
  type: 'job.succeeded',
  timestamp: '2026-11-01T00:00:00.000Z',
  sequence: 1,
  data: { id: 'job_1', request_id: 'req-1', output: 'grüß' } as JobView,
};

describe('WebhookSender', () => {
  let server: Server;
  let url: string;
  let answer: RequestListener;
  const clients: OutboundClient[] = [];

  beforeEach(async () => {
    server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hook?token=t0ps3cret`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  function sender(guard = new OutboundGuard({ allow: ['127.0.0.1'] }), timeoutMs = 5000) {
    const client = new OutboundClient(guard, { timeoutMs });
    clients.push(client);
    return new WebhookSender(client);
  }

  const send = (sut = sender(), secrets = [SECRET], to = url) =>
    sut.send(to, 'msg_1', payload, secrets);

  /** What the receiver gets; it answers 204. */
  function received(): Promise<{ headers: IncomingHttpHeaders; body: string }> {
    return new Promise((resolve, reject) => {
      answer = (request, response) => {
        text(request)
          .then((body) => {
            response.writeHead(204).end();
            resolve({ headers: request.headers, body });
          })
          .catch(reject);
      };
    });
  }

  it('posts what Standard Webhooks verifies', async () => {
    const got = received();
    const sent = await sender().send(url, 'msg_1', payload, [SECRET], '00-a-b-01');
    expect(sent).toEqual({
      outcome: 'delivered',
      status: 204,
      latencyMs: expect.any(Number),
      response: null,
      error: null,
      retryAfterMs: null,
    });
    const { headers, body } = await got;
    expect(headers).toMatchObject({
      'webhook-id': 'msg_1',
      'x-request-id': 'req-1',
      'content-type': 'application/json',
      traceparent: '00-a-b-01',
    });
    const verified = new Webhook(SECRET).verify(body, headers as Record<string, string>);
    expect(verified).toEqual(payload);
  });

  it('signs with each secret, so that a receiver may verify with any', async () => {
    const got = received();
    await send(undefined, [NEXT, SECRET]);
    const { headers, body } = await got;
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const secret of [NEXT, SECRET]) {
      new Webhook(secret).verify(body, headers as Record<string, string>);
    }
    const other = new Webhook(`whsec_${Buffer.alloc(32, 9).toString('base64')}`);
    expect(() => other.verify(body, headers as Record<string, string>)).toThrow();
  });

  it.each([
    [200, 'delivered'],
    [299, 'delivered'],
    [302, 'refused'],
    [404, 'refused'],
    [410, 'gone'],
    [500, 'refused'],
  ])('takes a %d for %s', async (status, outcome) => {
    answer = (_, response) => response.writeHead(status, { location: '/' }).end('said so');
    expect(await send()).toMatchObject({ status, outcome, response: 'said so', error: null });
  });

  it('tells how long a receiver asks to be left alone', async () => {
    answer = (_, response) => response.writeHead(429, { 'retry-after': '7' }).end();
    expect(await send()).toMatchObject({ outcome: 'refused', retryAfterMs: 7000 });
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    answer = (_, response) => response.writeHead(503, { 'retry-after': date }).end();
    const { retryAfterMs } = await send();
    expect(retryAfterMs).toBeGreaterThan(3_500_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });

  it('keeps the first 1024 bytes of an answer, and no part of a character', async () => {
    answer = (_, response) => response.end('ä'.repeat(511) + 'x' + 'ä'.repeat(1_000_000));
    expect((await send()).response).toBe('ä'.repeat(511) + 'x');
  });

  it('keeps nothing of a compressed answer', async () => {
    answer = (_, response) =>
      response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('said so'));
    expect(await send()).toMatchObject({ outcome: 'refused', status: 400, response: null });
  });

  it('tells of a receiver that does not answer', async () => {
    answer = () => undefined;
    expect(await send(sender(undefined, 50))).toEqual({
      outcome: 'timed-out',
      status: null,
      latencyMs: expect.any(Number),
      response: null,
      error: 'no answer in time',
      retryAfterMs: null,
    });
  });

  it('tells of connections that are refused or reset, without the path', async () => {
    answer = ({ socket }) => socket.resetAndDestroy();
    expect(await send()).toMatchObject({
      outcome: 'unreachable',
      error: 'the connection was closed before an answer',
    });
    server.close();
    await once(server, 'close');
    expect(await send()).toMatchObject({
      outcome: 'unreachable',
      error: 'the connection was refused',
    });
  });

  it('tells of names that do not exist, and of name servers that do not answer', async () => {
    const dns = await startTestDns((name) => (name === 'silent.example' ? 'silent' : 'NXDOMAIN'));
    const guard = new OutboundGuard({ allow: [], nameServers: [dns.address], dnsTimeoutMs: 20 });
    const sut = sender(guard);
    expect(await send(sut, [SECRET], 'http://silent.example/hook')).toMatchObject({
      outcome: 'timed-out',
      error: 'the name servers did not answer in time',
    });
    expect(await send(sut, [SECRET], 'http://nowhere.example/hook')).toMatchObject({
      outcome: 'unreachable',
      error: 'the name does not exist',
    });
    await dns.stop();
  });

  it('tells of addresses that may not be called, however that came out', async () => {
    const dns = await startTestDns((_, type) => (type === 'A' ? ['127.0.0.1'] : []));
    const closed = sender(new OutboundGuard({ allow: [], nameServers: [dns.address] }));
    const forbidden = { outcome: 'forbidden', status: null };
    expect(await send(closed, [SECRET], 'http://127.0.0.1/hook?token=x')).toMatchObject({
      ...forbidden,
      error: '127.0.0.1 is an address that is not public',
    });
    expect(await send(closed, [SECRET], 'http://x.example/hook?token=x')).toMatchObject({
      ...forbidden,
      error: 'x.example leads to an address that is not public',
    });
    expect(await send(closed, [SECRET], 'nonsense')).toMatchObject(forbidden);
    await dns.stop();
  });

  it('takes what this machine has run out of for no attempt', async () => {
    const error = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' });
    const client = new OutboundClient(new OutboundGuard({ allow: [] }), { timeoutMs: 1000 });
    clients.push(client);
    client.request = () => Promise.reject(error);
    await expect(send(new WebhookSender(client))).rejects.toBe(error);
  });
});

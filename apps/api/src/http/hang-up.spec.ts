import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { hangUpOf } from './hang-up.js';

describe('hangUpOf', () => {
  let server: FastifyInstance;
  let port: number;
  /** The requests that have come in, and what answers each. */
  let requests: { hangUp: AbortSignal; answer: () => void }[];
  let cameIn: () => void;

  beforeEach(async () => {
    requests = [];
    server = Fastify();
    server.all('/', (_request, reply) => {
      const answered = new Promise<object>((resolve) => {
        requests.push({ hangUp: hangUpOf(reply), answer: () => resolve({}) });
      });
      cameIn();
      return answered;
    });
    server.get('/late', async (_request, reply) => {
      cameIn();
      await once(reply.raw, 'close');
      requests.push({ hangUp: hangUpOf(reply), answer: () => undefined });
      cameIn();
      return {};
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
    ({ port } = server.server.address() as AddressInfo);
  });

  afterEach(() => server.close());

  /** Resolves once so many requests have come in. */
  async function requestsIn(count: number): Promise<typeof requests> {
    while (requests.length < count) await new Promise<void>((resolve) => (cameIn = resolve));
    return requests;
  }

  async function aborted(signal: AbortSignal | undefined): Promise<void> {
    if (signal && !signal.aborted) await once(signal, 'abort');
  }

  it.each([
    ['GET', undefined],
    ['POST', '{"a":1}'],
  ])(
    'hears that the client of a %s hung up, and not that its body was read',
    async (method, body) => {
      const request = http.request({
        port,
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      });
      request.on('error', () => undefined);
      request.end(body);
      const [{ hangUp } = {}] = await requestsIn(1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(hangUp?.aborted).toBe(false);
      request.destroy();
      await aborted(hangUp);
    },
  );

  it('hears it for answers that have others of their connection before them', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    const all = await requestsIn(3);
    socket.destroy();
    await Promise.all(all.map(({ hangUp }) => aborted(hangUp)));
  });

  it('hears it where that was before anybody asked', async () => {
    const request = http.get({ port, path: '/late' });
    request.on('error', () => undefined);
    await new Promise<void>((resolve) => (cameIn = resolve));
    request.destroy();
    const [{ hangUp } = {}] = await requestsIn(1);
    expect(hangUp?.aborted).toBe(true);
  });

  it('is over once the answer is out', async () => {
    const answered = fetch(`http://127.0.0.1:${port}`);
    const [{ hangUp, answer } = {}] = await requestsIn(1);
    answer?.();
    expect((await answered).status).toBe(200);
    await aborted(hangUp);
  });
});

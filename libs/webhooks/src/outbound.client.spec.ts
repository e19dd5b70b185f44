import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { type DnsAnswer, startTestDns, type TestDns } from '#libs/testing';
import { OutboundForbidden } from './outbound-forbidden.js';
import { OutboundGuard } from './outbound-guard.js';
import { OutboundClient } from './outbound.client.js';

const TLS = join(import.meta.dirname, '../../../test/fixtures/tls');
const REQUEST = { method: 'POST', headers: {}, body: 'x', maxAnswerBytes: 1024 } as const;
const GB = 1024 ** 3;

async function portOf(server: { address(): AddressInfo | string | null }): Promise<number> {
  if (!server.address()) await once(server as unknown as Server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('OutboundClient', () => {
  let server: Server;
  let url: string;
  let connections: number;
  let answer: RequestListener;
  const clients: OutboundClient[] = [];

  beforeEach(async () => {
    connections = 0;
    server = createServer((request, response) => answer(request, response));
    server.on('connection', () => connections++);
    url = `http://127.0.0.1:${String(await portOf(server.listen(0, '127.0.0.1')))}/`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  function client(
    timeoutMs = 5000,
    guard = new OutboundGuard({ allow: ['127.0.0.1', 'localhost'] }),
  ) {
    const made = new OutboundClient(guard, { timeoutMs });
    clients.push(made);
    return made;
  }

  it('brings status, headers and the answer', async () => {
    answer = (request, response) => {
      response.writeHead(500, { 'x-encoding': request.headers['accept-encoding'] });
      request.pipe(response);
    };
    const got = await client().request(url, REQUEST);
    expect(got).toMatchObject({ status: 500, headers: { 'x-encoding': 'identity' } });
    expect(got.body.toString()).toBe('x');
    expect(got.latencyMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps a connection whose answer was read, and drops one whose answer is too long', async () => {
    const sut = client();
    answer = (_, response) => response.end('a'.repeat(1024));
    for (let i = 0; i < 4; i++) await sut.request(url, REQUEST);
    expect(connections).toBeLessThan(4);
    const closed = new Promise((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', resolve);
        response.end('a'.repeat(1_000_000));
      };
    });
    const { body } = await sut.request(url, REQUEST);
    expect(body.toString()).toBe('a'.repeat(1024));
    await closed;
  });

  it('keeps connections to so many origins alone, and ends no call for another', async () => {
    const sut = new OutboundClient(new OutboundGuard({ allow: ['127.0.0.1', 'localhost'] }), {
      timeoutMs: 5000,
      maxOrigins: 1,
    });
    clients.push(sut);
    // The server would keep it for long.
    server.keepAliveTimeout = 60_000;
    let closed: Promise<unknown> | undefined;
    const held = new Promise<ServerResponse>((resolve) => {
      answer = (request, response) => {
        closed = once(request.socket, 'close');
        resolve(response);
      };
    });
    const first = sut.request(url, REQUEST);
    const response = await held;
    answer = (_, other) => other.end();
    await sut.request(url.replace('127.0.0.1', 'localhost'), REQUEST);
    response.end('late');
    expect((await first).body.toString()).toBe('late');
    await closed;
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %d', async (status) => {
    const seen: unknown[] = [];
    answer = (request, response) => {
      seen.push(request.url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    };
    expect(await client().request(url, REQUEST)).toMatchObject({ status });
    expect(seen).toEqual(['/']);
  });

  it.each([true, false])('does not read 1 GB (length told: %p)', async (told) => {
    const chunk = Buffer.alloc(65_536, 'x');
    let socket: Socket | undefined;
    const done = new Promise<void>((resolve) => {
      answer = (request, response) => {
        socket = request.socket;
        socket.once('close', resolve);
        response.writeHead(200, told ? { 'content-length': GB } : {});
        const chunks = Array<Buffer>(GB / chunk.length).fill(chunk);
        Readable.from(chunks, { objectMode: false }).pipe(response);
      };
    });
    const { status, body } = await client().request(url, REQUEST);
    expect(status).toBe(200);
    expect(body).toHaveLength(1024);
    await done;
    expect(socket?.bytesWritten).toBeLessThan(10_000_000);
  });

  it('does not unpack a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    const { body } = await client().request(url, { ...REQUEST, maxAnswerBytes: 100_000 });
    expect(body.equals(bomb)).toBe(true);
  });

  it('takes what there is of an answer that does not end', async () => {
    const closed = new Promise((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', resolve);
        response.writeHead(202).write('begun');
      };
    });
    const { status, body } = await client(30_000).request(url, REQUEST);
    expect([status, body.toString()]).toEqual([202, 'begun']);
    await closed;
  });

  it('takes what there is of an answer that breaks off', async () => {
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('begun', () => request.socket.destroy());
    };
    const { status, body } = await client().request(url, REQUEST);
    expect([status, body.toString()]).toEqual([200, 'begun']);
  });

  it('gives up on a receiver that does not answer, and closes', async () => {
    const closed = new Promise((resolve) => {
      answer = (request) => request.socket.once('close', resolve);
    });
    await expect(client(50).request(url, REQUEST)).rejects.toMatchObject({ name: 'TimeoutError' });
    await closed;
  });

  it('gives up on headers that drip', async () => {
    const head = `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000)}`;
    const tcp = createTcpServer((socket) => {
      let at = 0;
      const timer = setInterval(() => socket.write(head.charAt(at++)), 5);
      socket.on('error', () => undefined).once('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    const dripping = `http://127.0.0.1:${String(await portOf(tcp))}/`;
    await expect(client(100).request(dripping, REQUEST)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    tcp.close();
    await once(tcp, 'close');
  });

  it.each([
    ['headers that are too long', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`],
    ['what is not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['nothing before it closes', ''],
  ])('throws at %s', async (_, bytes) => {
    const tcp = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(bytes));
    }).listen(0, '127.0.0.1');
    const talking = `http://127.0.0.1:${String(await portOf(tcp))}/`;
    await expect(client().request(talking, REQUEST)).rejects.toHaveProperty('code');
    tcp.close();
  });

  it('throws when the connection is reset, or nobody listens', async () => {
    answer = ({ socket }) => socket.resetAndDestroy();
    await expect(client().request(url, REQUEST)).rejects.toHaveProperty('code');
    server.close();
    await once(server, 'close');
    await expect(client().request(url, REQUEST)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('refuses a certificate that nobody vouches for', async () => {
    let asked = false;
    const tls = createTlsServer(
      {
        key: readFileSync(join(TLS, 'self-signed.key.pem')),
        cert: readFileSync(join(TLS, 'self-signed.cert.pem')),
      },
      (_, response) => {
        asked = true;
        response.end();
      },
    ).listen(0, '127.0.0.1');
    const port = String(await portOf(tls));
    await expect(client().request(`https://localhost:${port}/`, REQUEST)).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    expect(asked).toBe(false);
    tls.close();
  });

  it('goes to a name that is open', async () => {
    answer = (_, response) => response.writeHead(204).end();
    const named = url.replace('127.0.0.1', 'localhost');
    expect(await client().request(named, REQUEST)).toMatchObject({ status: 204 });
  });

  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433'])(
    'never connects to %s unless that is open',
    async (host) => {
      const closed = client(5000, new OutboundGuard({ allow: [`*:${new URL(url).port}`] }));
      const target = url.replace('127.0.0.1', host);
      await expect(closed.request(target, REQUEST)).rejects.toThrow(OutboundForbidden);
      expect(connections).toBe(0);
    },
  );

  describe('and names', () => {
    let dns: TestDns;
    let answers: DnsAnswer[];

    beforeAll(async () => {
      dns = await startTestDns((_, type) => (type === 'A' ? (answers.shift() ?? []) : []));
    });

    afterAll(() => dns.stop());

    it('does not connect to a name that is public when handed in, and private when called', async () => {
      const port = new URL(url).port;
      const guard = new OutboundGuard({ allow: [`*:${port}`], nameServers: [dns.address] });
      const rebinding = `http://rebind.example:${port}/`;
      answers = [['93.184.215.14'], ['127.0.0.1']];
      await guard.checkTarget(rebinding);
      await expect(client(5000, guard).request(rebinding, REQUEST)).rejects.toThrow(
        OutboundForbidden,
      );
      expect(dns.questions.filter((question) => question.startsWith('A '))).toHaveLength(2);
      expect(connections).toBe(0);
    });

    it('connects to the address that was checked', async () => {
      const port = new URL(url).port;
      const guard = new OutboundGuard({ allow: [`127.0.0.1:${port}`], nameServers: [dns.address] });
      answers = [['127.0.0.1'], ['10.0.0.1']];
      answer = ({ headers }, response) => response.end(headers.host);
      const { body } = await client(5000, guard).request(`http://x.example:${port}/`, REQUEST);
      expect(body.toString()).toBe(`x.example:${port}`);
      expect(answers).toEqual([['10.0.0.1']]);
    });
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type DnsAnswer, startTestDns, type TestDns } from '#libs/testing';
import { FileFetcher } from './file.fetcher.js';
import { OutboundGuard } from './outbound-guard.js';
import { OutboundClient } from './outbound.client.js';

const MAX_BYTES = 100_000;
const NEVER = new AbortController().signal;

describe('FileFetcher', () => {
  let server: Server;
  let url: string;
  let asked: (string | undefined)[];
  let answer: RequestListener;
  const clients: OutboundClient[] = [];

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url);
      answer(request, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  function fetcher(timeoutMs = 5000, guard = new OutboundGuard({ allow: ['127.0.0.1'] })) {
    const client = new OutboundClient(guard, { timeoutMs });
    clients.push(client);
    return new FileFetcher(client, { timeoutMs, maxBytes: MAX_BYTES });
  }

  it.each([1, MAX_BYTES])(
    'brings all of %d bytes, whatever their type is said to be',
    async (size) => {
      const bytes = Buffer.alloc(size, 'x');
      answer = (_, response) => response.setHeader('content-type', 'text/html').end(bytes);
      expect((await fetcher().fetch(`${url}a?b=c`, NEVER)).equals(bytes)).toBe(true);
      expect(asked).toEqual(['/a?b=c']);
    },
  );

  it.each([
    [404, false],
    [403, false],
    [204, false],
    [206, false],
    [304, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])('fails by a %d (again: %p)', async (status, retryable) => {
    answer = (_, response) => response.writeHead(status).end();
    const message = `its server answered ${String(status)}`;
    const failure = { outcome: 'refused', message, retryable };
    await expect(fetcher().fetch(url, NEVER)).rejects.toMatchObject(failure);
  });

  it.each([
    ['that is empty', {}, '', /empty/],
    ['that is too large', {}, 'x'.repeat(50 * MAX_BYTES), /more than 100000 bytes/],
    ['that says it is too large', { 'content-length': 2 ** 40 }, 'x', /more than 100000 bytes/],
    [
      'that is compressed',
      { 'content-encoding': 'gzip' },
      gzipSync(Buffer.alloc(1e8)),
      /compressed/,
    ],
  ])('fails by a file %s', async (_, headers, body, message) => {
    const closed = new Promise((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', resolve);
        response.writeHead(200, headers as Record<string, string>);
        response.end(body);
      };
    });
    const failure = { outcome: 'unusable', message: expect.stringMatching(message) as unknown };
    await expect(fetcher().fetch(url, NEVER)).rejects.toMatchObject({
      ...failure,
      retryable: false,
    });
    if (body !== '') await closed;
  });

  it('reads no more of a file without end than it may have', async () => {
    let sent = 0;
    const closed = new Promise((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', resolve);
        const chunk = Buffer.alloc(65_536);
        const more = (): void => {
          sent += chunk.length;
          response.write(chunk, () => !response.destroyed && more());
        };
        more();
      };
    });
    await expect(fetcher().fetch(url, NEVER)).rejects.toMatchObject({ outcome: 'unusable' });
    await closed;
    expect(sent).toBeLessThan(50 * MAX_BYTES);
  });

  it.each([
    ['breaks off', 100, 'begun'],
    ['is cut by the server', 5, ''],
  ])('may succeed later where a file %s', async (_, length, body) => {
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': length });
      response.write(body === '' ? 'x' : body, () => request.socket.destroy());
    };
    const failure = { outcome: 'unreachable', retryable: true };
    await expect(fetcher().fetch(url, NEVER)).rejects.toMatchObject(failure);
  });

  it.each(['headers', 'body'])('gives up on %s that drip', async (what) => {
    const head = `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000)}`;
    const closed = new Promise((resolve) => {
      answer = ({ socket }, response) => {
        if (what === 'body') response.writeHead(200);
        let at = 0;
        const drip = () => {
          if (what === 'body') response.write('x');
          else socket.write(head.charAt(at++));
        };
        const timer = setInterval(drip, 5);
        socket.once('close', resolve).once('close', () => clearInterval(timer));
      };
    });
    await expect(fetcher(150).fetch(url, NEVER)).rejects.toMatchObject({
      outcome: 'timed-out',
      retryable: true,
      message: expect.stringContaining('within 0.15 s') as unknown,
    });
    await closed;
  });

  it('may succeed later where nobody listens', async () => {
    server.close();
    await once(server, 'close');
    const failure = {
      outcome: 'unreachable',
      message: 'the connection was refused',
      retryable: true,
    };
    await expect(fetcher().fetch(url, NEVER)).rejects.toMatchObject(failure);
  });

  it('ends at once where it is stopped, while it waits and while it reads', async () => {
    for (const begins of [false, true]) {
      const stop = new AbortController();
      const closed = new Promise((resolve) => {
        answer = (request, response) => {
          request.socket.once('close', resolve);
          if (begins) response.writeHead(200).write('x', () => stop.abort(new Error('canceled')));
          else stop.abort(new Error('canceled'));
        };
      });
      await expect(fetcher().fetch(url, stop.signal)).rejects.toThrow('canceled');
      await closed;
    }
  });

  describe('at a redirect', () => {
    it('follows three, wherever their answers have a body', async () => {
      answer = ({ url: at }, response) => {
        const hop = Number(at?.slice(1) ?? 0);
        if (hop < 3) response.writeHead(302, { location: String(hop + 1) }).end('moved');
        else response.end('there');
      };
      expect(String(await fetcher().fetch(url, NEVER))).toBe('there');
      expect(asked).toEqual(['/', '/1', '/2', '/3']);
    });

    it.each([
      ['to itself', '/', 'unusable', /more than 3 times/],
      ['to what is no URL', 'http://[', 'unusable', /no URL/],
      ['to a private address', 'http://10.0.0.1/', 'forbidden', /10\.0\.0\.1 is an address/],
      ['to a private address, spelled oddly', 'http://0x0a000001/', 'forbidden', /not public/],
      ['to this machine', 'http://localhost/', 'forbidden', /local name/],
      ['to the metadata of a cloud', 'http://169.254.169.254/latest', 'forbidden', /not public/],
      ['with a password', 'http://a:b@example.com/', 'forbidden', /password/],
      ['to a file', 'file:///etc/passwd', 'forbidden', /http/],
      ['nowhere', undefined, 'refused', /answered 302/],
    ])('fails where it leads %s', async (_, location, outcome, message) => {
      answer = (_request, response) => {
        response.writeHead(302, location === undefined ? {} : { location }).end();
      };
      const failure = {
        outcome,
        retryable: false,
        message: expect.stringMatching(message) as unknown,
      };
      await expect(fetcher().fetch(url, NEVER)).rejects.toMatchObject(failure);
      expect(asked.length).toBe(location === '/' ? 4 : 1);
    });
  });

  describe('at a name', () => {
    let dns: TestDns;
    let answers: DnsAnswer[];

    beforeAll(async () => {
      dns = await startTestDns((_, type) => (type === 'A' ? (answers.shift() ?? []) : []));
    });

    afterAll(() => dns.stop());

    it('does not connect where it was public when handed in, and is private now', async () => {
      const { port } = new URL(url);
      const guard = new OutboundGuard({ allow: [`*:${port}`], nameServers: [dns.address] });
      answers = [['93.184.215.14'], ['127.0.0.1']];
      const rebinding = `http://rebind.example:${port}/`;
      await guard.checkTarget(rebinding);
      const failure = { outcome: 'forbidden', retryable: false };
      await expect(fetcher(5000, guard).fetch(rebinding, NEVER)).rejects.toMatchObject(failure);
      expect(asked).toEqual([]);
    });

    it('does not connect where a redirect leads to one that is private', async () => {
      const { port } = new URL(url);
      const guard = new OutboundGuard({
        allow: [`127.0.0.1:${port}`],
        nameServers: [dns.address],
      });
      answers = [['127.0.0.1'], ['10.0.0.1']];
      answer = (_, response) => {
        response.writeHead(301, { location: 'http://inside.example/' }).end();
      };
      await expect(
        fetcher(5000, guard).fetch(`http://x.example:${port}/`, NEVER),
      ).rejects.toMatchObject({
        outcome: 'forbidden',
        message: expect.stringContaining('inside.example leads to') as unknown,
      });
      expect(asked).toEqual(['/']);
    });

    it('that does not exist is no reason to ask again', async () => {
      const guard = new OutboundGuard({ allow: [], nameServers: [dns.address] });
      answers = [];
      await expect(
        fetcher(5000, guard).fetch('http://nowhere.example/', NEVER),
      ).rejects.toMatchObject({ outcome: 'unreachable', retryable: false });
    });
  });

  it('takes what this machine has run out of for nothing that is said of the file', async () => {
    const error = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' });
    const client = new OutboundClient(new OutboundGuard({ allow: [] }), { timeoutMs: 1000 });
    clients.push(client);
    client.open = () => Promise.reject(error);
    const sut = new FileFetcher(client, { timeoutMs: 1000, maxBytes: MAX_BYTES });
    await expect(sut.fetch(url, NEVER)).rejects.toBe(error);
  });
});

import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newJobId } from '../job-id.js';
import { s3Location } from './s3.location.js';
import { S3PayloadStore } from './s3.payload.store.js';

const CREDENTIALS = { accessKeyId: 'KEYID', secretAccessKey: 'hush', sessionToken: 'token' };
const PAYLOAD = { id: newJobId(7), name: 'input' } as const;

type Answer = [status: number, body?: string] | 'hang up';

const error = (status: number, code: string, message = 'why'): Answer => [
  status,
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
];
const NO_KEY = error(404, 'NoSuchKey');

describe('S3PayloadStore', () => {
  let server: Server;
  let answers: Answer[];
  let requests: IncomingMessage[];

  beforeEach(async () => {
    [answers, requests] = [[], []];
    server = createServer((request, response) => {
      requests.push(request);
      request.resume().on('end', () => {
        // What S3 would say, unless the test says otherwise.
        const answer = answers.shift() ?? (request.method === 'GET' ? NO_KEY : ([200] as const));
        if (answer === 'hang up') request.socket.destroy();
        else response.writeHead(answer[0]).end(answer[1]);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const endpoint = () => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const open = (url = `s3://bucket/pre.fix?endpoint=${endpoint()}&region=eu-north-1`) =>
    S3PayloadStore.open(s3Location(url), CREDENTIALS);

  async function opened(...then: Answer[]): Promise<S3PayloadStore> {
    const store = await open();
    requests.length = 0;
    answers.push(...then);
    return store;
  }

  it.each<[string, Answer]>([
    ['is overloaded', error(503, 'SlowDown')],
    ['has an error of its own', error(500, 'InternalError')],
    ['limits the rate', [429]],
    ['breaks the connection', 'hang up'],
  ])('tries again when S3 %s', async (_, answer) => {
    const sut = await opened(answer, answer, [200, 'text']);
    expect(await sut.get(PAYLOAD)).toBe('text');
    expect(requests).toHaveLength(3);
  });

  it('gives up in the end, and at once where it is refused', async () => {
    const away = error(503, 'SlowDown', 'Reduce your rate.');
    const sut = await opened(away, away, away, away, error(403, 'AccessDenied', 'No.'));
    await expect(sut.put(PAYLOAD, 'x')).rejects.toThrow('503 SlowDown Reduce your rate.');
    expect(requests).toHaveLength(4);
    await expect(sut.put(PAYLOAD, 'x')).rejects.toThrow('403 AccessDenied No.');
    expect(requests).toHaveLength(5);
  });

  it('takes for gone what S3 says is gone, and nothing else', async () => {
    const sut = await opened(NO_KEY, error(404, 'NoSuchBucket'), [404], error(403, 'AccessDenied'));
    expect(await sut.get(PAYLOAD)).toBeNull();
    for (let i = 0; i < 3; i++)
      await expect(sut.get(PAYLOAD)).rejects.toThrow(/S3 answered 40[34]/);
  });

  it('follows no redirect', async () => {
    const sut = await opened([307]);
    await expect(sut.get(PAYLOAD)).rejects.toThrow('307');
    expect(requests).toHaveLength(1);
  });

  it('signs what it asks', async () => {
    const sut = await opened();
    await sut.put(PAYLOAD, 'text');
    await sut.get(PAYLOAD);
    await sut.delete([PAYLOAD]);
    expect(requests.map(({ method }) => method)).toEqual(['PUT', 'GET', 'DELETE']);
    for (const request of requests) {
      expect(request.url).toBe(`/bucket/pre.fix/${PAYLOAD.id}/input`);
      expect(request.headers['x-amz-security-token']).toBe('token');
      expect(request.headers.authorization).toBe(authorization(request));
    }
  });

  it.each<[string, Answer[], RegExp]>([
    ['there is no bucket', [error(404, 'NoSuchBucket')], /there is no bucket bucket at http:/],
    [
      'the key is unknown',
      [error(403, 'InvalidAccessKeyId')],
      /the key may not .*InvalidAccessKeyId/,
    ],
    ['it may not write', [NO_KEY, error(403, 'AccessDenied')], /the key may not .*AccessDenied/],
    ['it is elsewhere', [error(301, 'PermanentRedirect')], /not in region eu-north-1/],
    ['it is no S3', [[404, '<html>nothing']], /the bucket bucket at .* cannot be used .*404/],
    ['nobody answers', Array<Answer>(4).fill('hang up'), /no S3 answers at http:/],
  ])('does not start where %s', async (_, then, words) => {
    answers.push(...then);
    const complaint = await open().catch((refused: unknown) => refused as Error);
    expect(complaint).toMatchObject({ name: 'ConfigError' });
    expect((complaint as Error).message).toMatch(/^STORE_URL: /);
    expect((complaint as Error).message).toMatch(words);
    expect((complaint as Error).message).not.toMatch(/hush|token/);
  });

  it('leaves nothing behind when it starts', async () => {
    await open();
    const asked = requests.map(({ method, url }) => `${method ?? ''} ${url ?? ''}`);
    expect(asked.slice(1)).toEqual(
      ['PUT', 'DELETE'].map((method) => `${method} /bucket/pre.fix/.foretell-probe`),
    );
  });
});

describe('s3Location', () => {
  it.each([
    ['s3://some-bucket', 'https://some-bucket.s3.us-east-1.amazonaws.com/'],
    [
      's3://some-bucket/a/b/?region=eu-west-1',
      'https://some-bucket.s3.eu-west-1.amazonaws.com/a/b/',
    ],
    ['s3://some-bucket/a?endpoint=https://minio:9000/', 'https://minio:9000/some-bucket/a/'],
    ['s3://some-bucket?endpoint=https%3A%2F%2Fx.io%2Fs3', 'https://x.io/s3/some-bucket/'],
  ])('reads %s', (url, base) => {
    expect(s3Location(url).base).toBe(base);
  });

  it.each([
    's3://B',
    's3:///prefix',
    's3://bucket/../x y',
    's3://bucket?endpoint=minio:9000',
    's3://bucket?endpoint=http://',
    's3://bucket?regoin=x',
  ])('refuses %s, and says how to write it', (url) => {
    expect(() => s3Location(url)).toThrow(/^STORE_URL: .*write s3:\/\/bucket/);
  });
});

/** Signature Version 4 as its specification has it, for a path without odd letters and no query. */
function authorization({ method, url, headers }: IncomingMessage): string {
  const names = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];
  const lines = names.map((name) => `${name}:${String(headers[name])}\n`).join('');
  const bodyHash = String(headers['x-amz-content-sha256']);
  const canonical = [method, url, '', lines, names.join(';'), bodyHash].join('\n');
  const time = String(headers['x-amz-date']);
  const scope = [time.slice(0, 8), 'eu-north-1', 's3', 'aws4_request'];
  const digest = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), digest].join('\n');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text);
  let key: string | Buffer = `AWS4${CREDENTIALS.secretAccessKey}`;
  for (const part of scope) key = hmac(key, part).digest();
  return (
    `AWS4-HMAC-SHA256 Credential=${[CREDENTIALS.accessKeyId, ...scope].join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${hmac(key, toSign).digest('hex')}`
  );
}

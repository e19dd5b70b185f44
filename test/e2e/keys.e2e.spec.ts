import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { ApiKeyView, NewApiKeyView } from '#libs/contracts';
import { freePort, startTestRedis } from '#libs/testing';
import type { Client } from './support/client.js';
import { App, Installation } from './support/installation.js';

const ADMIN = 'admin-key-1234';
const ROW = { input: [5.1, 3.5, 1.4, 0.2] };
const UNKNOWN_JOB = 'job_01m7ykvnbfexgt18bvm31gq4fd';

const as = (client: Client, key: string) => client.withHeaders({ authorization: `Bearer ${key}` });

async function make(client: Client, wish: object): Promise<NewApiKeyView> {
  const { status, headers, body } = await client.post<NewApiKeyView>('/v1/keys', wish);
  expect([status, headers.get('cache-control')]).toEqual([201, 'no-store']);
  return body;
}

/** Sends a head that promises a body, never the body, and reads to the end of the connection. */
async function sendHead({ url }: Client, path: string, ...headers: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${headers.join('\r\n')}\r\n\r\n`);
  return text(socket);
}

describe('keys that are stored', () => {
  let foretell: Installation;
  let first: Client;
  let second: Client;
  let redis: Redis;
  let admin: Client;

  beforeAll(async () => {
    foretell = await Installation.start({ API_KEYS: `root:${ADMIN}:admin` });
    first = foretell.client;
    await foretell.add('api');
    second = foretell.client;
    admin = as(first, ADMIN);
    redis = new Redis(foretell.redis.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await foretell.stop();
  });

  const isKeptOut = ({ status }: { status: number }) => status === 401 || status === 429;
  const isLetIn = (answer: { status: number }) => !isKeptOut(answer);

  it('let in whoever has one, in every process, with the scopes that they have', async () => {
    const { key, ...shown } = await make(admin, { name: 'ann', scopes: ['predict'] });
    expect(shown).toMatchObject({ object: 'api_key', name: 'ann', scopes: ['predict'] });
    const ann = as(second, key);
    await ann.until('/v1/jobs', isLetIn);
    const { id } = await ann.submit('iris', ROW);
    expect((await ann.get(`/v1/jobs/${id}`)).body).toMatchObject({ code: 'forbidden' });
    const reader = await make(admin, { name: 'ann', scopes: ['read'] });
    expect((await as(first, reader.key).get(`/v1/jobs/${id}`)).status).toBe(200);
  });

  it('may do all but make others, where no scopes are named', async () => {
    const { key, scopes } = await make(admin, { name: 'bob' });
    expect(scopes).toEqual(['predict', 'read', 'webhooks', 'models:write']);
    expect((await as(first, key).get('/v1/keys')).body).toMatchObject({ code: 'forbidden' });
  });

  it('are listed page by page, with neither the key nor its digest', async () => {
    const made = [await make(admin, { name: 'eve' }), await make(admin, { name: 'eve' })];
    const seen: ApiKeyView[] = [];
    for (let cursor = ''; ;) {
      const { body } = await admin.get<{ data: ApiKeyView[]; next_cursor: string | null }>(
        `/v1/keys?limit=1${cursor}`,
      );
      seen.push(...body.data);
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(seen.slice(-2)).toEqual(made.map(({ key, ...shown }) => (key === '' ? null : shown)));
    const held = (await redis.hvals('foretell:api-keys')).map(
      (one) => (JSON.parse(one) as { digest: string }).digest,
    );
    expect(held.length).toBeGreaterThanOrEqual(2);
    for (const secret of [...held, ...made.map(({ key }) => key.split('_')[2] ?? '')])
      expect(JSON.stringify(seen)).not.toContain(secret);
  });

  it('are refused at once where they are revoked, and soon everywhere', async () => {
    const { id, key } = await make(admin, { name: 'ann' });
    await as(second, key).until('/v1/models', isLetIn);
    const job = await as(second, key).submit('iris', ROW);
    expect((await admin.delete(`/v1/keys/${id}`)).status).toBe(204);
    expect((await as(first, key).get('/v1/models')).status).toBe(401);
    await as(second, key).until('/v1/models', isKeptOut);
    expect((await admin.delete(`/v1/keys/${id}`)).body).toMatchObject({ code: 'key-not-found' });
    // What was accepted is done, and there for another key of the name.
    const other = await make(admin, { name: 'ann' });
    expect((await as(first, other.key).ended(job)).status).toBe('succeeded');
  });

  it('are refused also where nobody heard of their revocation, as the connection was cut', async () => {
    const { id, key } = await make(admin, { name: 'ann' });
    const clients = [as(first, key), as(second, key)];
    for (const client of clients) await client.until('/v1/models', isLetIn);
    await redis.hdel('foretell:api-keys', id);
    expect(Number(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))).toBeGreaterThan(1);
    for (const client of clients) await client.until('/v1/models', isKeptOut);
  });

  it('are refused when they are revoked while the connection is cut', async () => {
    const { id, key } = await make(admin, { name: 'ann' });
    await as(second, key).until('/v1/models', isLetIn);
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect((await admin.delete(`/v1/keys/${id}`)).status).toBe(204);
    await as(second, key).until('/v1/models', isKeptOut);
  });

  it('are refused from the second on at which they expire, and not before', async () => {
    const { key, expires_at } = await make(admin, { name: 'ann', expires_in_s: 2 });
    const expiresAt = Date.parse(expires_at ?? '');
    const clients = [as(first, key), as(second, key)];
    for (const client of clients) await client.until('/v1/models', isLetIn);
    const follow = async (client: Client) => {
      for (;;) {
        const askedAt = Date.now();
        const { status } = await client.get('/v1/models');
        if (status === 401) return Date.now();
        expect(askedAt).toBeLessThan(expiresAt);
      }
    };
    for (const refusedAt of await Promise.all(clients.map(follow)))
      expect(refusedAt).toBeGreaterThanOrEqual(expiresAt);
  });

  it.each<[object, string]>([
    [{}, '/name'],
    [{ name: 'a:b' }, '/name'],
    [{ name: '' }, '/name'],
    [{ name: 'a'.repeat(65) }, '/name'],
    [{ name: 'ann', scopes: [] }, '/scopes'],
    [{ name: 'ann', scopes: ['all'] }, '/scopes'],
    [{ name: 'ann', scopes: 'read' }, '/scopes'],
    [{ name: 'ann', scopes: ['read', 'read'] }, '/scopes'],
    [{ name: 'ann', expires_in_s: 0 }, '/expires_in_s'],
    [{ name: 'ann', expires_in_s: 0.5 }, '/expires_in_s'],
    [{ name: 'ann', expires_in_s: 1e12 }, '/expires_in_s'],
    [{ name: 'ann', key: 'mine' }, '/key'],
  ])('are not made of %j', async (wish, pointer) => {
    const { status, body } = await admin.post('/v1/keys', wish);
    expect([status, body]).toEqual([
      422,
      expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }),
    ]);
  });

  it('are in no log', async () => {
    const { id, key } = await make(admin, { name: 'ann' });
    await as(first, key).get(`/v1/jobs/${UNKNOWN_JOB}`);
    await foretell.apps[0]?.line(({ msg, key_id }) => msg === 'key created' && key_id === id);
    const digest = (
      JSON.parse((await redis.hget('foretell:api-keys', id)) ?? '') as {
        digest: string;
      }
    ).digest;
    const logs = foretell.apps.flatMap(({ lines }) => lines).join('\n');
    for (const secret of [key.split('_')[2] ?? '', digest, ADMIN])
      expect(logs).not.toContain(secret);
  });
});

describe('a request that is not let in', () => {
  let foretell: Installation;
  let client: Client;
  const LENGTH = `Content-Length: ${10 * 1024 * 1024}`;
  const JSON_TYPE = 'Content-Type: application/json';

  beforeAll(async () => {
    foretell = await Installation.start({ API_KEYS: 'ann:ann-key-1234:read' }, ['api', 'worker']);
    client = foretell.client;
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each<[string, number, string, ...string[]]>([
    ['no key', 401, '/v1/predict', JSON_TYPE, LENGTH],
    ['a wrong key', 401, '/v1/predict', 'Authorization: Bearer wrong-key', JSON_TYPE, LENGTH],
    ['a body of unknown length', 401, '/v1/predict', JSON_TYPE, 'Transfer-Encoding: chunked'],
    ['a form', 401, '/v1/predict', 'Content-Type: multipart/form-data; boundary=x', LENGTH],
    ['a body that nobody needs', 401, `/v1/jobs/${UNKNOWN_JOB}/cancel`, JSON_TYPE, LENGTH],
    ['no scope', 403, '/v1/predict', 'Authorization: Bearer ann-key-1234', JSON_TYPE, LENGTH],
  ])('with %s is answered before its body comes', async (_, status, path, ...headers) => {
    const answer = await sendHead(client, path, ...headers);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer).toMatch(/^x-request-id: \S+\r$/im);
    if (status === 401) expect(answer).toMatch(/^www-authenticate: Bearer\r$/im);
  });

  it('may go on on its connection where its body was small', async () => {
    const { hostname, port } = new URL(client.url);
    const socket = connect(Number(port), hostname);
    const head = `POST /v1/predict HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}\r\nContent-Length: 2`;
    socket.write(`${head}\r\n\r\n{}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 401 /);
    socket.end(`GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await text(socket)).toContain('HTTP/1.1 200 ');
  });
});

describe('who guesses', () => {
  let foretell: Installation | undefined;

  afterEach(async () => {
    await foretell?.stop();
  });

  const guesses = async (client: Client, count: number) => {
    const statuses: number[] = [];
    for (let i = 0; i < count; i++)
      statuses.push((await as(client, `wrong-key-${i}`).get('/v1/models')).status);
    return statuses;
  };

  it('has to wait, by the address of the connection, whatever it says that it is', async () => {
    foretell = await Installation.start({ API_KEYS: 'ann:ann-key-1234' }, ['worker', 'api']);
    const { client } = foretell;
    const from = (ip: string) => client.withHeaders({ 'x-forwarded-for': ip });
    expect(await guesses(from('10.0.0.1'), 10)).toEqual(Array(10).fill(401));
    expect(await guesses(from('10.0.0.2'), 2)).toEqual([429, 429]);
    expect((await as(client, 'ann-key-1234').get('/v1/models')).status).toBe(200);
  });

  it('has to wait by the address that a trusted proxy tells', async () => {
    const env = { API_KEYS: 'ann:ann-key-1234', TRUST_PROXY: '127.0.0.1' };
    foretell = await Installation.start(env, ['worker', 'api']);
    const { client } = foretell;
    const from = (ip: string) => client.withHeaders({ 'x-forwarded-for': ip });
    expect(await guesses(from('10.0.0.1'), 11)).toEqual([...Array<number>(10).fill(401), 429]);
    // What stands before the address that the proxy saw, the client has written itself.
    expect(await guesses(from('10.9.9.9, 10.0.0.1'), 1)).toEqual([429]);
    expect(await guesses(from('10.0.0.2'), 1)).toEqual([401]);
  });
});

describe('an installation without API_KEYS', () => {
  let foretell: Installation | undefined;

  afterEach(async () => {
    await foretell?.stop();
    foretell = undefined;
  });

  it('is open until the first key is made, which closes every process', async () => {
    foretell = await Installation.start({}, ['worker', 'api', 'api']);
    const other = foretell.client;
    await foretell.add('api');
    const { client } = foretell;
    expect((await client.get('/v1/jobs')).status).toBe(200);
    const { id, key } = await make(client, { name: 'ann', scopes: ['admin', 'read'] });
    expect((await client.get('/v1/jobs')).status).toBe(401);
    await other.until('/v1/jobs', ({ status }) => status === 401);
    expect((await as(other, key).get('/v1/jobs')).status).toBe(200);
    // Nothing is opened by taking the last key away.
    expect((await as(client, key).delete(`/v1/keys/${id}`)).status).toBe(204);
    expect((await client.get('/v1/jobs')).status).toBe(401);
  });

  it('lets nobody in where keys are required, and tells its health', async () => {
    foretell = await Installation.start({ AUTH: 'required' }, ['worker', 'api']);
    const { client } = foretell;
    const paths = ['/v1/models', '/metrics', '/v1/keys', '/health', '/docs', '/problems/forbidden'];
    const statuses = await Promise.all(paths.map(async (path) => (await client.get(path)).status));
    expect(statuses).toEqual([401, 401, 401, 200, 200, 200]);
  });

  it('listens to the world with a stored key, or where keys are required, and not without', async () => {
    const redis = await startTestRedis();
    const env = { REDIS_URL: redis.url, HOST: '0.0.0.0', PORT: String(await freePort()) };
    const refused = App.spawn('api', env);
    expect(await refused.ended).toBe(78);
    expect(refused.lines.join()).toContain('set API_KEYS');
    const listens = async (more: NodeJS.ProcessEnv) => {
      const app = App.spawn('api', { ...env, ...more });
      await app.ready();
      app.kill('SIGTERM');
      return app.ended;
    };
    expect(await listens({ AUTH: 'required' })).toBe(0);
    const client = new Redis(redis.url);
    const stored = { id: 'a', name: 'ann', digest: 'x', scopes: ['read'], expires_at: null };
    await client.hset('foretell:api-keys', 'a', JSON.stringify(stored));
    client.disconnect();
    expect(await listens({})).toBe(0);
    await redis.stop();
  });
});

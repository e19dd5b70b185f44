import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const predict = '/v1/models/iris/predict';
const input = [5.1, 3.5, 1.4, 0.2];
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const unknownId = 'job_01m7ykvnbfexgt18bvm31gq4fd';

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string }[];
}

/** Everything that can be done to a job by its id. */
const JOB_ROUTES: [method: 'GET' | 'POST', path: (id: string) => string][] = [
  ['GET', (id) => `/v1/jobs/${id}`],
  ['GET', (id) => `/jobs/${id}`],
  ['GET', (id) => `/v1/jobs/${id}/events`],
  ['GET', (id) => `/v1/jobs/${id}/deliveries`],
  ['POST', (id) => `/v1/jobs/${id}/deliveries/redeliver`],
  ['POST', (id) => `/v1/jobs/${id}/cancel`],
  ['POST', (id) => `/v1/jobs/${id}/retry`],
];

describe('the job resource, used badly', () => {
  let foretell: Installation;
  /** Two api processes, as each of two callers. */
  let alice: [Client, Client];
  let bob: [Client, Client];

  beforeAll(async () => {
    foretell = await Installation.start(
      {
        API_KEYS: 'alice:alices-secret,bob:bobs-secret',
        MODELS_DIR: await modelsDir('iris', 'fixture:slow'),
        MAX_QUEUE_TIMEOUT_S: '100',
        MAX_RESULT_TTL_S: '1000',
      },
      ['api', 'worker'],
    );
    const first = foretell.client;
    await foretell.add('api');
    const both: [Client, Client] = [first, foretell.client];
    alice = both.map((client) => client.withHeaders(bearer('alices-secret'))) as [Client, Client];
    bob = both.map((client) => client.withHeaders(bearer('bobs-secret'))) as [Client, Client];
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each([
    ['queue_timeout_s', [-1, 0, -0, 100.001, 1e308, '5', true, [], {}]],
    ['execution_timeout_s', [-1, 0, 300.001, 1e308, '5', true, [], {}]],
    ['result_ttl_s', [-1, 0, 0.5, 1001, 1e308, '5', true, [], {}]],
  ])('%s: what is no sensible time is refused, and its place told', async (field, values) => {
    for (const value of values) {
      const { status, body } = await alice[0].post<Problem>(predict, { input, [field]: value });
      expect({ value, status, code: body.code, at: body.errors?.map((e) => e.pointer) }).toEqual({
        value,
        status: 422,
        code: 'invalid-request',
        at: [`/${field}`],
      });
    }
  });

  it('takes a Prefer that is none for none, on submitting and on reading', async () => {
    const malformed = ['wait', 'wait=', 'wait=-1', 'wait=soon', 'wait=1.5', 'wait="1', 'wait=0x5'];
    for (const prefer of [...malformed, '=', ',;,', '"wait=5"', 'waiting=5', 'x'.repeat(4000)]) {
      const accepted = await alice[0].post<JobView>(predict, { input }, { prefer });
      expect([prefer, accepted.status]).toEqual([prefer, 202]);
      const [, other] = alice;
      const read = await other.withHeaders({ prefer }).get(`/v1/jobs/${accepted.body.id}`);
      for (const { headers } of [accepted, read]) {
        expect([prefer, headers.get('preference-applied')]).toEqual([prefer, null]);
      }
    }
  });

  it('refuses an idempotency key that is empty, too long or has control characters', async () => {
    const { hostname, port } = new URL(foretell.client.url);
    for (const key of ['', ' ', 'k'.repeat(256), 'a\tb', 'a\u0001b', 'a\u007fb', 'a\u0000b']) {
      const body = JSON.stringify({ input });
      const socket = connect(Number(port), hostname);
      const lines = [
        `POST ${predict} HTTP/1.1`,
        'host: foretell',
        'connection: close',
        'authorization: Bearer alices-secret',
        'content-type: application/json',
        `content-length: ${String(body.length)}`,
        `idempotency-key: ${key}`,
      ];
      socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
      const answer = await text(socket);
      expect([key, answer.slice(0, 12)]).toEqual([
        key,
        expect.stringMatching(/^HTTP\/1.1 4(00|22)/),
      ]);
    }
    const longest = { 'idempotency-key': 'k'.repeat(255) };
    await alice[0].submit('iris', { input }, longest);
  });

  it('shows a job to nobody else, by no route, in no state, and not even that it exists', async () => {
    const busy = await alice[0].submit('slow', { inputs: Array(300).fill([20_000]) });
    await alice[0].running(busy);
    const queued = await alice[0].submit('slow', { input: [1], priority: 'low' });
    const ended = await alice[0].predict('iris', { input });
    for (const { id } of [busy, queued, ended]) {
      for (const [method, path] of JOB_ROUTES) {
        for (const client of bob) {
          const send = (of: string) =>
            method === 'GET' ? client.get(path(of)) : client.post(path(of), {});
          const [foreign, unknown] = [await send(id), await send(unknownId)];
          expect(foreign.body).toMatchObject({ status: 404, code: 'job-not-found' });
          const { request_id } = unknown.body;
          expect(unknown.body).toEqual({ ...foreign.body, instance: path(unknownId), request_id });
          expect([...foreign.headers.keys()]).toEqual([...unknown.headers.keys()]);
        }
      }
    }
    const lists = await Promise.all(
      ['', '?model=slow', '?status=running', '?status=queued', '?status=succeeded'].map((query) =>
        bob[0].get<{ data: JobView[] }>(`/v1/jobs${query}`),
      ),
    );
    const seen = lists.flatMap(({ body }) => body.data.map(({ id }) => id));
    for (const { id } of [busy, queued, ended]) expect(seen).not.toContain(id);
    // What bob tried has not touched them.
    expect((await alice[1].get<JobView>(`/v1/jobs/${busy.id}`)).body.status).toBe('running');
    expect((await alice[1].post(`/v1/jobs/${busy.id}/cancel`, {})).status).toBe(200);
    expect((await alice[1].ended(queued)).status).toBe('succeeded');
  });

  it('wants a key on every route', async () => {
    const { id } = await alice[0].submit('iris', { input });
    const open = new Client(foretell.client.url);
    for (const [method, path] of [...JOB_ROUTES, ['GET', () => '/v1/jobs'] as const]) {
      const answer = method === 'GET' ? await open.get(path(id)) : await open.post(path(id), {});
      expect([path(id), answer.status]).toEqual([path(id), 401]);
    }
  });

  it('refuses a page that cannot be', async () => {
    const page = await alice[0].get<{ next_cursor: string }>('/v1/jobs?limit=1');
    const cursor = page.body.next_cursor;
    const queries = [
      'cursor=%00',
      'cursor=nonsense',
      `cursor=${cursor}x`,
      `cursor=${cursor.slice(0, -2)}`,
      `cursor=${'A'.repeat(5000)}`,
      `cursor=${cursor}&cursor=${cursor}`,
      'limit=0',
      'limit=101',
      'limit=-1',
      'limit=1e1',
      'limit=5&limit=6',
      'status=done',
      'status=',
      'created_after=yesterday',
      'created_before=2026-13-01T00:00:00Z',
      'colour=red',
      'metadata=x',
    ];
    for (const query of queries) {
      const { status, body } = await alice[0].get<Problem>(`/v1/jobs?${query}`);
      expect([query, status, body.code]).toEqual([query, 422, 'invalid-request']);
    }
  });

  it('gives an empty page for what nobody has', async () => {
    for (const query of [
      'model=nope',
      'metadata.order=nope',
      'created_before=2001-01-01T00:00:00Z',
    ]) {
      const { status, body } = await alice[0].get(`/v1/jobs?${query}`);
      expect([query, status, body]).toEqual([query, 200, { data: [], next_cursor: null }]);
    }
  });

  it('answers HEAD like GET without a body, and no method that is not there', async () => {
    const { id } = await alice[0].predict('iris', { input });
    const queued = await alice[0].submit('slow', { inputs: Array(300).fill([20_000]) });
    for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${queued.id}/events`, '/v1/jobs']) {
      const [head] = (await once(
        request(new URL(path, alice[0].url), {
          method: 'HEAD',
          headers: bearer('alices-secret'),
        }).end(),
        'response',
      )) as [NodeJS.ReadableStream & { statusCode: number }];
      expect([path, head.statusCode, await text(head)]).toEqual([path, 200, '']);
    }
    await alice[0].post(`/v1/jobs/${queued.id}/cancel`, {});
    const wrong: [string, string][] = [
      ['PUT', `/v1/jobs/${id}`],
      ['PATCH', `/v1/jobs/${id}`],
      ['POST', `/v1/jobs/${id}`],
      ['POST', `/v1/jobs/${id}/events`],
      ['GET', `/v1/jobs/${id}/cancel`],
      ['DELETE', `/v1/jobs/${id}/cancel`],
      ['GET', `/v1/jobs/${id}/retry`],
      ['PUT', '/v1/jobs'],
    ];
    for (const [method, path] of wrong) {
      const answer = await fetch(new URL(path, alice[0].url), {
        method,
        headers: bearer('alices-secret'),
      });
      expect([method, path, [404, 405].includes(answer.status)]).toEqual([method, path, true]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
    expect((await alice[0].get<JobView>(`/v1/jobs/${id}`)).body.status).toBe('succeeded');
  });

  it('tells each job its place in the queue, and runs them in that order, or nearly', async () => {
    const worker = foretell.app('worker');
    worker.kill('SIGTERM');
    await worker.ended;
    const priorities = ['low', 'normal', 'high'];
    const jobs: { job: JobView; client: Client }[] = [];
    for (let i = 0; i < 30; i++) {
      const client = (i % 4 === 0 ? bob : alice)[i % 2 === 0 ? 0 : 1];
      const body = { inputs: Array(64).fill([1]), priority: priorities[i % 3] };
      jobs.push({ client, job: await client.submit('slow', body) });
    }
    const places = await Promise.all(
      jobs.map(async ({ job, client }) => {
        const { body } = await client.get<JobView>(`/v1/jobs/${job.id}`);
        return body.queue?.position ?? 0;
      }),
    );
    expect(places.toSorted((a, b) => a - b)).toEqual(jobs.map((_, i) => i + 1));
    await foretell.add('worker');
    const ends = await Promise.all(
      jobs.map(async ({ job, client }, i) => {
        const { ended_at } = await client.ended(job);
        return { place: places[i] ?? 0, endedAt: Date.parse(ended_at ?? '') };
      }),
    );
    // Those of one turn have no order, and two batches are under way at once.
    const late = ends
      .toSorted((a, b) => a.endedAt - b.endedAt)
      .map(({ place }, rank) => Math.abs(place - 1 - rank));
    expect(Math.max(...late)).toBeLessThanOrEqual(3);
  });
});

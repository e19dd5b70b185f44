import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { JobView } from '#libs/contracts';
import { freePort, startTestRedis } from '#libs/testing';
import { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { Receiver } from './support/receiver.js';

/**
 * One for each place, so that a leak says which it is from. Of a webhook's URL logs do tell the host, without
 * which an operator could not say who does not answer.
 */
const CANARY = {
  header: 'canary-header-8c1f',
  cookie: 'canary-cookie-8c1f',
  agent: 'canary-agent-8c1f',
  idempotency: 'canary-idempotency-8c1f',
  query: 'canary-query-8c1f',
  path: 'canary-path-8c1f',
  input: 'canary-input-8c1f',
  number: '0.8173645501',
  metadata: 'canary-metadata-8c1f',
  parameters: 'canary-parameters-8c1f',
  brokenJson: 'canary-broken-8c1f',
  file: 'canary-file-8c1f',
  webhookPath: 'canary-hookpath-8c1f',
  webhookQuery: 'canary-hookquery-8c1f',
  webhookUser: 'canary-hookuser-8c1f',
  webhookAnswer: 'canary-hookanswer-8c1f',
  webhookSecret: Buffer.from('canary-webhook-secret-8c1f').toString('base64'),
  apiKey: 'canary-apikey-8c1f',
  wrongKey: 'canary-wrongkey-8c1f',
  boardPassword: 'canary-board-8c1f',
  wrongPassword: 'canary-wrongboard-8c1f',
  redisPassword: 'canary-redis-8c1f',
} as const;

/** The names of the canaries in a text. */
function leaks(text: string): string[] {
  return Object.entries(CANARY).flatMap(([name, canary]) => (text.includes(canary) ? [name] : []));
}

describe('secrets and payloads', () => {
  const receiver = new Receiver();
  let foretell: Installation;
  let alice: Client;
  let bob: Client;
  let anyone: Client;
  let metricsOf: Record<'worker' | 'courier', Client>;
  let session: string;
  const ids: string[] = [];

  beforeAll(async () => {
    const hook = new URL(await receiver.start());
    receiver.answer = (response, status) => {
      response
        .writeHead(status, { location: `/${CANARY.webhookAnswer}` })
        .end(CANARY.webhookAnswer);
    };
    receiver.answers = [500, 302];
    const redis = await startTestRedis({ args: ['--requirepass', CANARY.redisPassword] });
    const ports = { worker: await freePort(), courier: await freePort() };
    const REDIS_URL = redis.url.replace('//', `//:${CANARY.redisPassword}@`);
    const settings = {
      REDIS_URL,
      LOG_LEVEL: 'trace',
      API_KEYS: `alice:${CANARY.apiKey},bob:bob-key-5678`,
      BOARD_PASSWORD: CANARY.boardPassword,
      WEBHOOK_SECRET: `whsec_${CANARY.webhookSecret}`,
      WEBHOOK_FIRST_RETRY_MS: '10',
    };
    foretell = await Installation.start(settings, [], redis);
    await foretell.add('worker', { OPS_PORT: String(ports.worker) });
    await foretell.add('courier', { OPS_PORT: String(ports.courier) });
    await foretell.add('api');
    await foretell.client.untilSettled();
    anyone = foretell.client;
    bob = anyone.withHeaders({ authorization: 'Bearer bob-key-5678' });
    alice = anyone.withHeaders({
      authorization: `Bearer ${CANARY.apiKey}`,
      'x-secret': CANARY.header,
      'x-request-id': `not sane ${CANARY.header}`,
      cookie: `session=${CANARY.cookie}`,
      'user-agent': CANARY.agent,
    });
    const client = (port: number) => new Client(`http://127.0.0.1:${port}`);
    metricsOf = { worker: client(ports.worker), courier: client(ports.courier) };
    hook.pathname = `/${CANARY.webhookPath}`;
    hook.search = `?token=${CANARY.webhookQuery}`;
    await use(hook);
    // A full Redis, whose errors tell the command that failed.
    const operator = new Redis(REDIS_URL);
    await operator.config('SET', 'maxmemory', '1');
    const refused = await alice.post('/v1/models/iris/predict', body(hook.href));
    expect(refused.status).toBe(503);
    await foretell.app('api').line(({ msg }) => msg === 'queue-unavailable');
    await operator.config('SET', 'maxmemory', '0');
    operator.disconnect();
  });

  afterAll(async () => {
    await foretell.stop();
    receiver.stop();
  });

  function body(url: string): object {
    return {
      input: [Number(CANARY.number), 2, 3, 4],
      metadata: { order: CANARY.metadata },
      webhook: { url },
    };
  }

  /** Everything that alice does, rightly and wrongly. */
  async function use(hook: URL): Promise<void> {
    const idempotent = { 'idempotency-key': CANARY.idempotency };
    const job = await alice.submit('iris', body(hook.href), idempotent);
    ids.push(job.id);
    await alice.ended(job);
    await receiver.count(3);
    const dead = new URL(hook);
    dead.port = '1';
    ids.push((await alice.predict('iris', body(dead.href))).id);
    await alice.until<{ data: { attempts: number }[] }>(
      `/v1/jobs/${ids[1] ?? ''}/deliveries`,
      ({ body: { data } }) => (data[0]?.attempts ?? 0) > 0,
    );
    const predict = '/v1/models/iris/predict';
    const wrong: unknown[] = [
      { input: [CANARY.input, 2, 3, 4] },
      { input: { [CANARY.input]: 1 } },
      { input: [1, 2, 3, 4], parameters: { [CANARY.parameters]: CANARY.parameters } },
      { input: [1, 2, 3, 4], metadata: { [CANARY.metadata]: 1 } },
      { input: [1, 2, 3, 4], [CANARY.input]: CANARY.input },
      { input: [1, 2, 3, 4], webhook: { url: `http://${CANARY.webhookUser}:x@127.0.0.1/` } },
      { input: [1, 2, 3, 4], webhook: { url: `http://10.0.0.1/${CANARY.webhookPath}` } },
      `{"input": ["${CANARY.brokenJson}", tru`,
      CANARY.brokenJson,
    ];
    for (const each of wrong) expect((await alice.post(predict, each)).status).toBeLessThan(500);
    const image = new FormData();
    image.set('input', new Blob([CANARY.file]), `${CANARY.file}.png`);
    expect((await alice.post('/v1/models/digits/predict', image)).status).toBe(415);
    for (const path of [
      `/v1/jobs/${ids[0] ?? ''}?token=${CANARY.query}`,
      `/v1/jobs?token=${CANARY.query}`,
      `/v1/jobs?metadata.order=${CANARY.metadata}`,
      `/v1/jobs/${CANARY.path}`,
      `/v1/models/${CANARY.path}`,
      `/${CANARY.path}?token=${CANARY.query}`,
    ]) {
      await alice.get(path);
    }
    await alice.post(`/v1/models/${CANARY.path}/predict?token=${CANARY.query}`, body(hook.href));
    await alice.put('/v1/webhooks/default', { url: hook.href });
    await alice.get('/v1/webhooks/secret');
    await anyone.withHeaders({ authorization: `Bearer ${CANARY.wrongKey}` }).get('/v1/models');
    await logIn(CANARY.wrongPassword);
    session = (await logIn(CANARY.boardPassword)).headers.getSetCookie()[0]?.split(';')[0] ?? '';
  }

  function logIn(password: string): Promise<Response> {
    return fetch(new URL('/admin/login', anyone.url), {
      method: 'POST',
      body: new URLSearchParams({ password }),
      redirect: 'manual',
    });
  }

  it('show in no log, however much is logged', () => {
    const logs = foretell.apps.flatMap(({ lines }) => lines).join('\n');
    const said = ['job accepted', 'webhook not delivered', 'request refused', 'OOM'];
    expect(said.filter((text) => !logs.includes(text))).toEqual([]);
    const token = session.split('=')[1] ?? '';
    expect(token).not.toBe('');
    expect([leaks(logs), logs.includes(token)]).toEqual([[], false]);
  });

  it('show in no metrics', async () => {
    for (const client of [bob, metricsOf.worker, metricsOf.courier]) {
      const { status, body } = await client.get<{ text: string }>('/metrics');
      expect(status).toBe(200);
      expect([body.text.includes('foretell_'), leaks(body.text)]).toEqual([true, []]);
    }
  });

  it('show in nothing that others are answered', async () => {
    const paths = ids.flatMap((id) => [
      `/v1/jobs/${id}`,
      `/v1/jobs/${id}/events`,
      `/v1/jobs/${id}/deliveries`,
      `/v1/jobs?cursor=${id}`,
    ]);
    const all = ['/v1/jobs', '/v1/models', '/v1/webhooks/receivers', '/v1/webhooks/default'];
    for (const path of [...paths, ...all, '/health', '/docs-json']) {
      const { headers, body } = await bob.get(path);
      expect([path, leaks(JSON.stringify([...headers, body]))]).toEqual([path, []]);
    }
    // The same idempotency key, of another.
    const own = { 'idempotency-key': CANARY.idempotency };
    const { body } = await bob.post<JobView>(
      '/v1/models/iris/predict',
      { input: [1, 2, 3, 4] },
      own,
    );
    expect([ids.includes(body.id), leaks(JSON.stringify(body))]).toEqual([false, []]);
  });

  it('show nowhere on the board', async () => {
    const board = anyone.withHeaders({ cookie: session });
    const queues = '/admin/queues/api/queues';
    const completed = `${queues}?activeQueue=predict-iris&status=completed`;
    const { body } = await board.until(completed, ({ body }) =>
      ids.every((id) => JSON.stringify(body).includes(id)),
    );
    expect(leaks(JSON.stringify(body))).toEqual([]);
    for (const id of ids) {
      for (const path of [`${queues}/predict-iris/${id}`, `${queues}/predict-iris/${id}/logs`]) {
        expect([path, leaks(JSON.stringify(await board.get(path)))]).toEqual([path, []]);
      }
    }
  });
});

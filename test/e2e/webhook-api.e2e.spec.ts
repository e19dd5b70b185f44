import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import {
  type DeliveryView,
  type ReceiverView,
  SCOPES,
  type ScopeName,
  type WebhookPayload,
  type WebhookSecretView,
} from '#libs/contracts';
import { type Answer, type Client } from './support/client.js';
import { IMAGES } from './support/images.js';
import { Installation } from './support/installation.js';
import { type Received, Receiver } from './support/receiver.js';

const INPUT = { input: [5.1, 3.5, 1.4, 0.2] };
const CONFIGURED = ['new', 'old'].map((name) => `whsec_${btoa(`the ${name} secret`.padEnd(24))}`);
const UNKNOWN_JOB = 'job_01m7ykvnbfexgt18bvm31gq4fd';
interface OpenApi {
  paths: Record<string, Record<string, { 'x-scope'?: string }>>;
}

interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** Every route that needs a key, what it needs, and a request that changes nothing. */
const ROUTES: [ScopeName, (client: Client) => Promise<Answer>][] = [
  ['predict', (c) => c.post('/v1/predict', {})],
  ['predict', (c) => c.post('/predict', {})],
  ['predict', (c) => c.post('/v1/models/iris/predict', {})],
  ['predict', (c) => c.post('/v1/models/iris/versions/1/predict', {})],
  ['predict', (c) => c.post(`/v1/jobs/${UNKNOWN_JOB}/cancel`, '')],
  ['predict', (c) => c.post(`/v1/jobs/${UNKNOWN_JOB}/retry`, '')],
  ['predict', (c) => c.post('/v1/jobs/cancel', {})],
  ['read', (c) => c.get(`/v1/jobs/${UNKNOWN_JOB}`)],
  ['read', (c) => c.get(`/jobs/${UNKNOWN_JOB}`)],
  ['read', (c) => c.get(`/v1/jobs/${UNKNOWN_JOB}/events`)],
  ['read', (c) => c.get(`/jobs/${UNKNOWN_JOB}/events`)],
  ['read', (c) => c.get('/v1/jobs')],
  ['read', (c) => c.get(`/v1/jobs/${UNKNOWN_JOB}/deliveries`)],
  ['read', (c) => c.get('/v1/models')],
  ['read', (c) => c.get('/v1/models/nope')],
  ['read', (c) => c.get('/v1/models/nope/openapi.json')],
  ['read', (c) => c.get('/v1/models/nope/rollout')],
  ['read', (c) => c.get('/v1/models/nope/drift')],
  ['read', (c) => c.get('/metrics')],
  ['webhooks', (c) => c.get('/v1/webhooks/secret')],
  ['webhooks', (c) => c.post('/v1/webhooks/secret/rotate', '')],
  ['webhooks', (c) => c.get('/v1/webhooks/default')],
  ['webhooks', (c) => c.put('/v1/webhooks/default', {})],
  ['webhooks', (c) => c.delete('/v1/webhooks/default')],
  ['webhooks', (c) => c.post(`/v1/jobs/${UNKNOWN_JOB}/deliveries/redeliver`, {})],
  ['webhooks', (c) => c.post('/v1/webhooks/redeliver', {})],
  ['webhooks', (c) => c.get('/v1/webhooks/receivers')],
  ['webhooks', (c) => c.post('/v1/webhooks/receivers/nope/enable', '')],
  ['models:write', (c) => c.post('/v1/models/nope/versions/1/load', '')],
  ['models:write', (c) => c.post('/v1/models/nope/versions/1/unload', '')],
  ['admin', (c) => c.put('/v1/models/nope/rollout', {})],
  ['admin', (c) => c.delete('/v1/models/nope/rollout')],
  ['admin', (c) => c.post('/v1/models/nope/drift/reference', {})],
  ['admin', (c) => c.delete('/v1/models/nope/drift/reference')],
  ['admin', (c) => c.get('/v1/keys')],
  ['admin', (c) => c.post('/v1/keys', {})],
  ['admin', (c) => c.delete('/v1/keys/nope')],
];

describe('what callers say about webhooks', () => {
  let foretell: Installation;
  let first: Client;
  let second: Client;
  /** That may call nothing private, and has its secrets from the operator. */
  let strict: Client;

  beforeAll(async () => {
    const limited = SCOPES.map((scope) => `limited:only-${scope.replace(':', '-')}:${scope}`);
    foretell = await Installation.start({
      API_KEYS: ['ann:key-of-ann', 'bob:key-of-bob', ...limited].join(),
      WEBHOOK_FIRST_RETRY_MS: '50',
    });
    first = foretell.client;
    await foretell.add('api');
    second = foretell.client;
    await foretell.add('api', { OUTBOUND_ALLOW: '', WEBHOOK_SECRET: CONFIGURED.join() });
    strict = foretell.client;
  });

  afterAll(async () => {
    await foretell.stop();
  });

  const as = (client: Client, key: string) =>
    client.withHeaders({ authorization: `Bearer ${key}` });

  describe('scopes', () => {
    it.each(SCOPES)('%s opens its own routes, and no other', async (scope) => {
      const client = as(first, `only-${scope.replace(':', '-')}`);
      for (const [needed, ask] of ROUTES) {
        const { status, body } = await ask(client);
        if (needed === scope) expect([401, 403]).not.toContain(status);
        else {
          expect([status, body]).toEqual([
            403,
            expect.objectContaining({
              code: 'forbidden',
              detail: `Use a key that has the scope ${needed}.`,
            }),
          ]);
        }
      }
    });

    it('are needed by no other routes than these', async () => {
      const { body } = await first.get<OpenApi>('/docs-json');
      const operations = Object.values(body.paths).flatMap((path) => Object.values(path));
      const told = operations.flatMap((operation) => operation['x-scope'] ?? []);
      expect(told.sort()).toEqual(ROUTES.map(([scope]) => scope).sort());
    });

    it('are all there but admin for a key that names none, and tell nothing to who has none', async () => {
      for (const [scope, ask] of ROUTES) {
        expect((await ask(as(first, 'key-of-bob'))).status === 403).toBe(scope === 'admin');
        expect((await ask(first)).body).toMatchObject({ code: 'unauthorized' });
      }
    });

    it('belong to the key: its owner’s jobs are there for another key of the same name', async () => {
      const { id } = await as(first, 'only-predict').submit('iris', INPUT);
      expect((await as(first, 'only-read').get(`/v1/jobs/${id}`)).status).toBe(200);
      expect((await as(first, 'only-predict').get(`/v1/jobs/${id}`)).status).toBe(403);
    });
  });

  describe('the secret', () => {
    const secretOf = async (key: string, client = first) =>
      (await as(client, key).get<WebhookSecretView>('/v1/webhooks/secret')).body;

    it('is each key’s own, the same in every process, and kept by no cache', async () => {
      const [anns, again, bobs] = await Promise.all([
        as(first, 'key-of-ann').get('/v1/webhooks/secret'),
        as(second, 'key-of-ann').get('/v1/webhooks/secret'),
        as(first, 'key-of-bob').get('/v1/webhooks/secret'),
      ]);
      expect(anns.body).toEqual({
        object: 'webhook_secret',
        secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
        previous: null,
      });
      expect(again.body).toEqual(anns.body);
      expect(bobs.body['secret']).not.toBe(anns.body['secret']);
      expect(anns.headers.get('cache-control')).toBe('no-store');
    });

    it('is rotated for its owner alone, and the one before stays for a day', async () => {
      const [anns, bobs] = [await secretOf('key-of-ann'), await secretOf('key-of-bob')];
      const before = Date.now();
      const { status, headers, body } = await as(second, 'key-of-ann').post<WebhookSecretView>(
        '/v1/webhooks/secret/rotate',
        '',
      );
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
      expect(body.secret).not.toBe(anns.secret);
      expect(body.previous?.secret).toBe(anns.secret);
      const validUntil = Date.parse(body.previous?.valid_until ?? '');
      expect(validUntil).toBeGreaterThanOrEqual(before + 86_400_000);
      expect(validUntil).toBeLessThanOrEqual(Date.now() + 86_400_000);
      expect(await secretOf('key-of-ann')).toEqual(body);
      expect(await secretOf('key-of-bob')).toEqual(bobs);
    });
  });

  describe('the secret of the operator', () => {
    it('is everybody’s, with the one before it, and not rotated by request', async () => {
      const path = '/v1/webhooks/secret';
      const [secret, previous] = CONFIGURED;
      for (const key of ['key-of-ann', 'key-of-bob']) {
        expect((await as(strict, key).get(path)).body).toEqual({
          object: 'webhook_secret',
          secret,
          previous: { secret: previous, valid_until: null },
        });
        const { status, body } = await as(strict, key).post(`${path}/rotate`, '');
        expect([status, body['code']]).toEqual([409, 'secret-configured']);
      }
    });
  });

  describe('the default webhook', () => {
    const PATH = '/v1/webhooks/default';
    const url = 'http://127.0.0.1:9/ann';
    let ann: [Client, Client];

    beforeEach(async () => {
      ann = [as(first, 'key-of-ann'), as(second, 'key-of-ann')];
      await ann[0].delete(PATH);
      await ann[1].until(PATH, ({ status }) => status === 404);
    });

    it('is not there before it is set, and may be removed as often as one likes', async () => {
      expect((await ann[0].get(PATH)).body).toMatchObject({ code: 'webhook-not-found' });
      for (let i = 0; i < 2; i++) expect((await ann[0].delete(PATH)).status).toBe(204);
    });

    it('is set in one process and holds in the other, for its owner alone', async () => {
      const view = { object: 'default_webhook', url, events: ['started', 'failed'] };
      const set = await ann[0].put(PATH, { url, events: view.events });
      expect([set.status, set.body]).toEqual([200, view]);
      expect((await ann[0].get(PATH)).body).toEqual(view);
      expect((await ann[1].until(PATH, ({ status }) => status === 200)).body).toEqual(view);
      expect((await as(second, 'key-of-bob').get(PATH)).status).toBe(404);
      expect((await ann[1].put(PATH, { url })).body['events']).toEqual(
        expect.arrayContaining(['succeeded', 'failed', 'canceled', 'expired']),
      );
    });

    it.each<[unknown, string, string]>([
      [{}, 'invalid-request', '/url'],
      [{ url: 5 }, 'invalid-request', '/url'],
      [{ url, events: ['born'] }, 'invalid-request', '/events'],
      [{ url, secret: 'x' }, 'invalid-request', '/secret'],
      [{ url: 'http://10.0.0.1/' }, 'url-forbidden', '/url'],
      [{ url: 'file:///etc/passwd' }, 'url-forbidden', '/url'],
    ])('is not set to %j', async (body, code, pointer) => {
      const refused = await ann[0].put(PATH, body);
      expect([refused.status, refused.body]).toEqual([
        422,
        expect.objectContaining({ code, errors: [expect.objectContaining({ pointer })] }),
      ]);
      expect((await ann[0].get(PATH)).status).toBe(404);
    });

    it('is needed by a submission that names events alone', async () => {
      const body = { ...INPUT, webhook: { events: ['failed'] } };
      const refused = await ann[0].post('/v1/models/iris/predict', body);
      expect([refused.status, refused.body]).toEqual([
        422,
        expect.objectContaining({
          code: 'invalid-request',
          errors: [expect.objectContaining({ pointer: '/webhook/url' })],
        }),
      ]);
      await ann[0].put(PATH, { url });
      await ann[0].submit('iris', body);
    });

    it('is judged at every submission, and those that do not use it are taken', async () => {
      await ann[0].put(PATH, { url });
      const careful = as(strict, 'key-of-ann');
      await careful.until(PATH, ({ status }) => status === 200);
      const key = { 'idempotency-key': 'judged' };
      for (const [webhook, pointer] of [
        [undefined, '/webhook'],
        [{ events: ['failed'] }, '/webhook'],
        [{ url: 'http://10.0.0.1/' }, '/webhook/url'],
        [{ url: 'https://ann:secret@example.com/' }, '/webhook/url'],
      ]) {
        for (const headers of [{}, key]) {
          const body = { ...INPUT, webhook };
          const refused = await careful.post('/v1/models/iris/predict', body, headers);
          expect([refused.status, refused.body]).toEqual([
            422,
            expect.objectContaining({
              code: 'url-forbidden',
              errors: [expect.objectContaining({ pointer })],
            }),
          ]);
        }
      }
      await careful.submit('iris', { ...INPUT, webhook: null }, key);
      // What is wrong with the input is told first: it costs less.
      const wrong = await careful.post('/v1/models/iris/predict', { input: 'x' });
      expect(wrong.body).toMatchObject({ code: 'invalid-input' });
    });

    it('makes no other request of the one that came with its key before', async () => {
      const key = { 'idempotency-key': 'before-the-default' };
      const { id } = await ann[0].submit('iris', INPUT, key);
      await ann[0].put(PATH, { url });
      const again = await ann[0].post('/v1/models/iris/predict', INPUT, key);
      expect(again.body['id']).toBe(id);
      const none = { ...INPUT, webhook: null };
      const other = await ann[0].post('/v1/models/iris/predict', none, key);
      expect(other.body).toMatchObject({ code: 'idempotency-mismatch' });
    });
  });

  describe('what is delivered', () => {
    let ann: [Client, Client];
    let bob: Client;
    let receiver: Receiver;
    let url: string;

    beforeEach(async () => {
      ann = [as(first, 'key-of-ann'), as(second, 'key-of-ann')];
      bob = as(first, 'key-of-bob');
      receiver = new Receiver();
      url = await receiver.start();
    });

    afterEach(() => {
      receiver.stop();
    });

    const deliveriesOf = (id: string) => `/v1/jobs/${id}/deliveries`;
    const payloadOf = ({ body }: Received) => JSON.parse(body) as WebhookPayload;

    /** The job's deliveries, once there are so many and none is pending. */
    async function settled(id: string, count = 1): Promise<DeliveryView[]> {
      const { body } = await ann[1].until<Page<DeliveryView>>(
        deliveriesOf(id),
        ({ body: { data } }) => data.length === count && data.every((d) => d.status !== 'pending'),
      );
      return body.data;
    }

    function verify({ headers, body }: Received, { secret }: { secret: string }): void {
      new Webhook(secret).verify(body, headers as Record<string, string>);
    }

    it('is signed with the secret of its key, and with the one before after a rotation', async () => {
      const path = '/v1/webhooks/secret';
      const { body: before } = await ann[0].get<WebhookSecretView>(path);
      await ann[0].submit('iris', { ...INPUT, webhook: { url } });
      const [one] = (await receiver.count(1)) as [Received];
      verify(one, before);
      const { body: after } = await ann[0].post<WebhookSecretView>(`${path}/rotate`, '');
      await ann[0].submit('iris', { ...INPUT, webhook: { url } });
      const [, two] = (await receiver.count(2)) as [Received, Received];
      verify(two, after);
      verify(two, before);
      expect(() => verify(one, after)).toThrow();
      const { body: bobs } = await bob.get<WebhookSecretView>(path);
      expect(() => verify(two, bobs)).toThrow();
    });

    it('goes to the default webhook where the submission does not say otherwise', async () => {
      const path = '/v1/webhooks/default';
      await ann[0].put(path, { url, events: ['started', 'succeeded'] });
      await ann[1].until<{ url: string }>(path, ({ body }) => body.url === url);
      const standard = await ann[1].submit('iris', INPUT);
      expect((await settled(standard.id, 2)).map(({ event }) => event)).toEqual([
        'started',
        'succeeded',
      ]);
      const [received] = (await receiver.count(2)) as [Received];
      expect(payloadOf(received)).toMatchObject({ sequence: 1, data: { id: standard.id } });

      const fewer = await ann[1].submit('iris', { ...INPUT, webhook: { events: ['succeeded'] } });
      expect((await settled(fewer.id)).map(({ event }) => event)).toEqual(['succeeded']);
      const none = await ann[1].predict('iris', { ...INPUT, webhook: null });
      expect((await ann[0].get(deliveriesOf(none.id))).body).toEqual({
        data: [],
        next_cursor: null,
      });
      const form = new FormData();
      form.set('webhook', 'null');
      form.set('input', new Blob([IMAGES.damaged]), 'p.png');
      const picture = await ann[1].post('/v1/models/digits/predict', form);
      await ann[1].ended({ id: String(picture.body['id']) });
      expect((await ann[0].get(deliveriesOf(String(picture.body['id'])))).body['data']).toEqual([]);
      expect(receiver.received).toHaveLength(3);
      await ann[0].delete(path);
    });

    it('is told with every attempt, a page at a time, to its owner alone', async () => {
      receiver.answers = [500];
      const events = ['started', 'succeeded'];
      const { id } = await ann[0].submit('iris', { ...INPUT, webhook: { url, events } });
      const [started, succeeded] = (await settled(id, 2)) as [DeliveryView, DeliveryView];
      const short = id.slice('job_'.length);
      expect(started).toMatchObject({
        id: `msg_${short}_1`,
        object: 'delivery',
        job_id: id,
        event: 'started',
        sequence: 1,
        status: 'delivered',
        failure: null,
        next_attempt_at: null,
        attempts: 2,
        attempt_log: [
          { attempt: 1, outcome: 'refused', status: 500 },
          { attempt: 2, outcome: 'delivered', status: 204, error: null },
        ],
      });
      expect(succeeded).toMatchObject({ id: `msg_${short}_2`, event: 'succeeded', attempts: 1 });

      const path = deliveriesOf(id);
      const { body: page } = await ann[1].get<Page<DeliveryView>>(`${path}?limit=1`);
      expect(page.data).toEqual([started]);
      const next = `${path}?limit=1&cursor=${String(page.next_cursor)}`;
      expect((await ann[0].get(next)).body).toEqual({ data: [succeeded], next_cursor: null });
      expect((await ann[0].get(`${path}?limit=0`)).status).toBe(422);
      expect((await ann[0].get(`${path}?cursor=LTE`)).status).toBe(422);
      expect((await bob.get(path)).body).toMatchObject({ code: 'job-not-found' });
      expect((await bob.post(`${path}/redeliver`, {})).status).toBe(404);
    });

    it('is sent once more under the same id when that is asked for, and not otherwise', async () => {
      const { id } = await ann[0].submit('iris', { ...INPUT, webhook: { url } });
      const other = await ann[0].submit('iris', { ...INPUT, webhook: { url } });
      const [delivery] = (await settled(id)) as [DeliveryView];
      const [others] = (await settled(other.id)) as [DeliveryView];
      const path = `${deliveriesOf(id)}/redeliver`;
      // None has failed.
      for (const body of [{}, { id: null }]) {
        expect(await ann[0].post(path, body)).toMatchObject({ status: 202, body: { queued: 0 } });
      }
      const bare = await fetch(new URL(path, first.url), {
        method: 'POST',
        headers: { authorization: 'Bearer key-of-ann' },
      });
      expect([bare.status, await bare.json()]).toEqual([202, { queued: 0 }]);
      for (const unknown of [others.id, delivery.id.replace(/1$/, '2'), 'msg_x', '']) {
        const { status, body } = await ann[0].post(path, { id: unknown });
        expect([unknown, status, body['code']]).toEqual([unknown, 404, 'delivery-not-found']);
      }
      for (const body of [{ id: 5 }, { ids: [delivery.id] }, [], null]) {
        expect((await ann[0].post(path, body)).status).toBe(422);
      }
      const asked = await ann[1].post(path, { id: delivery.id });
      expect([asked.status, asked.body]).toEqual([202, { queued: 1 }]);
      const again = (await receiver.count(3)).at(-1);
      expect(again?.headers['webhook-id']).toBe(delivery.id);
      await ann[0].until<Page<DeliveryView>>(
        deliveriesOf(id),
        ({ body }) => body.data[0]?.status === 'delivered' && body.data[0].attempts === 2,
      );
    });

    it('stops at a receiver that is gone, until it is enabled, and can be had after all', async () => {
      const since = new Date().toISOString();
      const webhook = { url };
      receiver.answers = [410];
      const gone = await ann[0].submit('iris', { ...INPUT, webhook });
      expect(await settled(gone.id)).toMatchObject([
        { status: 'failed', failure: 'receiver-gone' },
      ]);
      const kept = await ann[0].submit('iris', { ...INPUT, webhook });
      expect(await settled(kept.id)).toMatchObject([
        { status: 'failed', failure: 'receiver-disabled', attempts: 0 },
      ]);

      const path = '/v1/webhooks/receivers';
      const { body: list } = await ann[1].get<Page<ReceiverView>>(path);
      expect(list).toMatchObject({
        data: [{ object: 'receiver', url, disabled_because: 'gone', last_status: 410 }],
        next_cursor: null,
      });
      expect((await bob.get(path)).body['data']).toEqual([]);
      const enable = `${path}/${list.data[0]?.id ?? ''}/enable`;
      expect((await bob.post(enable, '')).body).toMatchObject({ code: 'receiver-not-found' });
      for (let i = 0; i < 2; i++) {
        const { status, body } = await ann[0].post(enable, '');
        expect([status, body]).toEqual([
          200,
          expect.objectContaining({ url, disabled_at: null, disabled_because: null }),
        ]);
      }

      const redeliver = '/v1/webhooks/redeliver';
      const later = new Date(Date.now() + 60_000).toISOString();
      expect((await ann[0].post(redeliver, { since: later })).body).toEqual({ queued: 0 });
      expect((await bob.post(redeliver, { since })).body).toEqual({ queued: 0 });
      const all = await ann[0].post(redeliver, { since });
      expect([all.status, all.body]).toEqual([202, { queued: 2 }]);
      for (const { id } of [gone, kept]) {
        await ann[0].until<Page<DeliveryView>>(
          deliveriesOf(id),
          ({ body }) => body.data[0]?.status === 'delivered',
        );
      }
      expect((await ann[0].get(path)).body).toEqual({ data: [], next_cursor: null });
      expect((await ann[0].post(enable, '')).body).toMatchObject({ code: 'receiver-not-found' });
    });

    it.each([
      {},
      { since: 'yesterday' },
      { since: 5 },
      { since: null },
      { since: '2026-13-01T00:00:00Z' },
    ])('is not asked for with %j', async (body) => {
      const refused = await ann[0].post('/v1/webhooks/redeliver', body);
      expect([refused.status, refused.body]).toEqual([
        422,
        expect.objectContaining({ errors: [expect.objectContaining({ pointer: '/since' })] }),
      ]);
    });
  });

  it('puts no secret into a log', async () => {
    const path = '/v1/webhooks/secret';
    for (const client of [first, second, strict]) await as(client, 'key-of-ann').get(path);
    await strict.get(path);
    // What was logged before has been written as well by then.
    await foretell.app('api').line((line) => line['route'] === path && line['status'] === 401);
    const lines = foretell.apps.flatMap((app) => app.lines);
    expect(lines.filter((line) => line.includes('whsec_'))).toEqual([]);
  });
});

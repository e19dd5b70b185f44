import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeliveryView, JobView, ReceiverView } from '#libs/contracts';
import type { Client } from './support/client.js';
import { Installation } from './support/installation.js';

const ROW = { input: [5.1, 3.5, 1.4, 0.2] };
const CANARY = 'canary-of-ann';
const URL_OF_ANN = `http://127.0.0.1:9/${CANARY}`;
/** As an id of ours would be, by the name that it has in a path. */
const UNKNOWN = {
  id: 'job_01m7ykvnbfexgt18bvm31gq4fd',
  receiver: 'rcv_00000000000000000000000000',
  key: '000000000000',
  delivery: 'msg_01m7ykvnbfexgt18bvm31gq4fd_1',
};
/** What belongs to nobody. */
const COMMON: Record<string, string> = { model: 'iris', version: '1', code: 'forbidden' };

/** What comes with a request to each route, and what another tenant is answered. */
const ROUTES: Record<string, { status: number; body?: object }> = {
  'POST /v1/predict': { status: 202, body: { model: 'iris', ...ROW } },
  'POST /predict': { status: 202, body: { model: 'iris', ...ROW } },
  'POST /v1/models/{model}/predict': { status: 202, body: ROW },
  'POST /v1/models/{model}/versions/{version}/predict': { status: 202, body: ROW },
  'GET /v1/jobs': { status: 200 },
  'POST /v1/jobs/cancel': { status: 200, body: { model: 'iris' } },
  'GET /v1/jobs/{id}': { status: 404 },
  'GET /jobs/{id}': { status: 404 },
  'GET /v1/jobs/{id}/events': { status: 404 },
  'GET /jobs/{id}/events': { status: 404 },
  'POST /v1/jobs/{id}/cancel': { status: 404 },
  'POST /v1/jobs/{id}/retry': { status: 404 },
  'GET /v1/jobs/{id}/deliveries': { status: 404 },
  'POST /v1/jobs/{id}/deliveries/redeliver': { status: 404, body: {} },
  'GET /v1/models': { status: 200 },
  'GET /v1/models/{model}': { status: 200 },
  'GET /v1/models/{model}/openapi.json': { status: 200 },
  'GET /v1/models/{model}/drift': { status: 200 },
  'POST /v1/models/{model}/drift/reference': { status: 403, body: { version: '1' } },
  'DELETE /v1/models/{model}/drift/reference': { status: 403 },
  'GET /v1/models/{model}/rollout': { status: 200 },
  'PUT /v1/models/{model}/rollout': { status: 403, body: { stable: '1' } },
  'DELETE /v1/models/{model}/rollout': { status: 403 },
  // Once no worker is there.
  'POST /v1/models/{model}/versions/{version}/load': { status: 503 },
  'POST /v1/models/{model}/versions/{version}/unload': { status: 503 },
  'GET /v1/webhooks/secret': { status: 200 },
  'POST /v1/webhooks/secret/rotate': { status: 200 },
  'GET /v1/webhooks/default': { status: 404 },
  'PUT /v1/webhooks/default': { status: 200, body: { url: 'http://127.0.0.1:9/bob' } },
  'DELETE /v1/webhooks/default': { status: 204 },
  'POST /v1/webhooks/redeliver': { status: 202, body: { since: '2020-01-01T00:00:00Z' } },
  'GET /v1/webhooks/receivers': { status: 200 },
  'POST /v1/webhooks/receivers/{receiver}/enable': { status: 404 },
  // Keys of all owners are those of whoever has the scope for it, and nobody else's.
  'GET /v1/keys': { status: 403 },
  'POST /v1/keys': { status: 403, body: { name: 'ann' } },
  'DELETE /v1/keys/{key}': { status: 403 },
  'GET /metrics': { status: 200 },
  'GET /health': { status: 200 },
  'GET /health/live': { status: 200 },
  'GET /health/ready': { status: 200 },
  'GET /problems/{code}': { status: 200 },
};

interface OpenApi {
  paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
}

interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** An answer, without what differs between any two. */
interface Told {
  status: number;
  headers: Record<string, string>;
  text: string;
}

describe('a tenant', () => {
  let foretell: Installation;
  let ann: Client;
  let bob: Client;
  /** All operations that the running api has: `GET /v1/jobs`. */
  let routes: { route: string; parameters: { name: string; in: string }[] }[];
  /** Ids of ann's, by the name that they have in a path. */
  let foreign: Record<string, string[]>;
  let anns: { delivery: string; secrets: string[] };

  beforeAll(async () => {
    foretell = await Installation.start({
      API_KEYS: 'ann:key-of-ann,bob:key-of-bob,root:key-of-root:admin',
    });
    const as = (name: string) =>
      foretell.client.withHeaders({ authorization: `Bearer key-of-${name}` });
    [ann, bob] = [as('ann'), as('bob')];
    const { body } = await foretell.client.get<OpenApi>('/docs-json');
    routes = Object.entries(body.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { parameters = [] }]) => ({
        route: `${method.toUpperCase()} ${path}`,
        parameters,
      })),
    );
    foreign = await thingsOfAnn(as('root'));
    anns = {
      delivery: await deliveryOf(foreign['id']?.[0] ?? ''),
      secrets: [CANARY, ...Object.values(foreign).flat(), await secretOf(ann)],
    };
  });

  afterAll(async () => {
    await foretell.stop();
  });

  /** A job that has ended and was told to nobody, one that is kept no longer, one that waits; and what goes with them. */
  async function thingsOfAnn(root: Client): Promise<Record<string, string[]>> {
    await ann.put('/v1/webhooks/default', { url: URL_OF_ANN });
    const about = { ...ROW, metadata: { secret: CANARY } };
    const ended = await ann.ended(await ann.submit('iris', about));
    const gone = await ann.submit('iris', { ...about, webhook: null, result_ttl_s: 1 });
    const { body: page } = await ann.until<Page<ReceiverView>>(
      '/v1/webhooks/receivers',
      ({ body: { data } }) => data.length === 1,
    );
    await ann.until(`/v1/jobs/${gone.id}`, ({ status }) => status === 410);
    for (const name of ['worker', 'courier'] as const) {
      foretell.app(name).kill('SIGTERM');
      await foretell.app(name).ended;
    }
    await ann.until<{ workers: unknown[] }>('/health', ({ body }) => body.workers.length === 0);
    const queued = await ann.submit('iris', about);
    const made = await root.post<{ id: string }>('/v1/keys', { name: 'ann' });
    return {
      id: [ended.id, gone.id, queued.id],
      receiver: page.data.map(({ id }) => id),
      key: [made.body.id],
    };
  }

  async function deliveryOf(id: string): Promise<string> {
    const { body } = await ann.get<Page<DeliveryView>>(`/v1/jobs/${id}/deliveries`);
    return body.data[0]?.id ?? '';
  }

  async function secretOf(client: Client): Promise<string> {
    return (await client.get<{ secret: string }>('/v1/webhooks/secret')).body.secret;
  }

  /** All that ann sees of what is hers. */
  async function viewOfAnn(): Promise<unknown[]> {
    const paths = ['/v1/jobs', '/v1/webhooks/receivers', '/v1/webhooks/default'].concat(
      '/v1/webhooks/secret',
      (foreign['id'] ?? []).flatMap((id) => [`/v1/jobs/${id}`, `/v1/jobs/${id}/deliveries`]),
    );
    const answers = await Promise.all(paths.map((path) => ann.get(path)));
    // Its place may change as others come.
    const withoutPlace = (_: string, value: unknown) =>
      value !== null && typeof value === 'object' && 'queue' in value
        ? { ...value, queue: null }
        : value;
    return answers.map(({ status, body }) => [
      status,
      JSON.stringify({ ...body, request_id: '' }, withoutPlace),
    ]);
  }

  /** Asks as bob. @param ids what stands in the path for which name. */
  async function ask(
    route: string,
    ids: Record<string, string>,
    body = ROUTES[route]?.body,
  ): Promise<Told> {
    const [method = '', template = ''] = route.split(' ');
    const path = template.replace(/{(\w+)}/g, (_, name: string) => ids[name] ?? COMMON[name] ?? '');
    const response = await fetch(new URL(path, foretell.client.url), {
      method,
      headers: {
        authorization: 'Bearer key-of-bob',
        'x-request-id': 'asked-by-bob',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const told = Object.fromEntries(response.headers);
    delete told['date'];
    let text = await response.text();
    for (const id of Object.values(ids)) text = text.replaceAll(id, '{}');
    return { status: response.status, headers: told, text };
  }

  /** The names in a route's path that stand for something of somebody's. */
  function namesIn(route: string): string[] {
    return [...route.matchAll(/{(\w+)}/g)]
      .map(([, name = '']) => name)
      .filter((name) => !(name in COMMON));
  }

  it('can ask for nothing that this test does not know', () => {
    expect(routes.map(({ route }) => route).sort()).toEqual(Object.keys(ROUTES).sort());
    const names = routes.flatMap(({ route }) => namesIn(route));
    expect(names.filter((name) => !(name in foreign && name in UNKNOWN))).toEqual([]);
  });

  it('is told of another’s things what is told of those that do not exist', async () => {
    const before = await viewOfAnn();
    const asked: string[] = [];
    for (const { route } of routes) {
      for (const name of namesIn(route)) {
        const unknown = await ask(route, { [name]: UNKNOWN[name as keyof typeof UNKNOWN] });
        expect([route, unknown.status]).toEqual([route, ROUTES[route]?.status]);
        for (const id of foreign[name] ?? []) {
          expect([route, id, await ask(route, { [name]: id })]).toEqual([route, id, unknown]);
          asked.push(id);
        }
      }
    }
    expect(new Set(asked)).toEqual(new Set(Object.values(foreign).flat()));
    expect(await viewOfAnn()).toEqual(before);
  });

  it('is told nothing of another’s by what is everybody’s, and changes nothing of it', async () => {
    const before = await viewOfAnn();
    for (const { route } of routes.filter((one) => namesIn(one.route).length === 0)) {
      const { status, text } = await ask(route, {});
      expect([route, status]).toEqual([route, ROUTES[route]?.status]);
      const leaked = anns.secrets.filter((secret) => text.includes(secret));
      expect([route, leaked]).toEqual([route, []]);
    }
    expect(await viewOfAnn()).toEqual(before);
  });

  it('cannot reach another’s delivery by way of a job of its own', async () => {
    const own = await bob.submit('iris', ROW);
    const route = 'POST /v1/jobs/{id}/deliveries/redeliver';
    const redeliver = (id: string) => ask(route, { id: own.id, _: id }, { id });
    const unknown = await redeliver(UNKNOWN.delivery);
    expect(unknown.status).toBe(404);
    expect(await redeliver(anns.delivery)).toEqual(unknown);
  });

  it('lists its own jobs alone, whatever it asks for', async () => {
    const own = await bob.submit('iris', ROW);
    const { body } = await ann.get<Page<JobView>>('/v1/jobs?limit=1');
    const { data } = (await bob.get<Page<JobView>>('/v1/jobs')).body;
    expect(data.map(({ id }) => id)).toContain(own.id);
    for (const query of [
      `?metadata.secret=${CANARY}`,
      '?status=succeeded',
      '?created_after=2020-01-01T00:00:00Z&limit=100',
      `?cursor=${body.next_cursor}`,
    ]) {
      const page = (await bob.get<Page<JobView>>(`/v1/jobs${query}`)).body;
      const others = page.data.filter(({ id }) => foreign['id']?.includes(id));
      expect([query, others]).toEqual([query, []]);
    }
    expect(body.next_cursor).not.toBeNull();
  });

  it('has idempotency keys of its own', async () => {
    const submitting = routes.filter(({ parameters }) =>
      parameters.some(({ name }) => name === 'Idempotency-Key'),
    );
    expect(submitting).toHaveLength(4);
    for (const [i, { route }] of submitting.entries()) {
      const [, template = ''] = route.split(' ');
      const path = template.replace(/{(\w+)}/g, (_, name: string) => COMMON[name] ?? '');
      const anns = { ...ROUTES[route]?.body, input: [1, 2, 3, 4] };
      for (const bobs of [anns, { ...anns, input: [4, 3, 2, 1] }]) {
        const headers = { 'idempotency-key': `${CANARY}-${i}-${bobs.input.join('')}` };
        const first = await ann.post<JobView>(path, anns, headers);
        const { status, headers: told, body } = await bob.post<JobView>(path, bobs, headers);
        expect([route, status, told.get('idempotency-replayed')]).toEqual([route, 202, null]);
        expect(body.id).not.toBe(first.body.id);
      }
    }
  });
});

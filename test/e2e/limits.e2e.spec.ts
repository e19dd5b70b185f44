import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { JobView } from '#libs/contracts';
import { EventStream } from '#libs/testing';
import type { Answer, Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const NAMES = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus', 'hal'] as const;
type Name = (typeof NAMES)[number];
const IRIS = { input: [5.1, 3.5, 1.4, 0.2] };
const PREDICT = '/v1/models/iris/predict';
/** So slow that no token comes back during a test. */
const RATE = '20/h';

const textOf = (name: Name) => `key-of-${name}`;

/** What an item of `RateLimit` or `RateLimit-Policy` says, as structured fields have it. */
function itemsOf(header: string | null): Record<string, Record<string, number>> {
  const items = (header ?? '').split(', ').map((item): [string, Record<string, number>] => {
    const [, name = '', parameters = ''] = /^"([a-z]+)"((?:;[a-z]+=\d+)+)$/.exec(item) ?? [];
    const pairs = [...parameters.matchAll(/;([a-z]+)=(\d+)/g)];
    const values = pairs.map(([, key = '', value]): [string, number] => [key, Number(value)]);
    return [name, Object.fromEntries(values)];
  });
  return Object.fromEntries(items);
}

/** How often each came: a status, and the code of a problem. */
function countsOf(answers: Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = [status, body['code']].filter(Boolean).join(' ');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('limits', () => {
  let foretell: Installation;
  let redis: Redis;

  beforeAll(async () => {
    foretell = await Installation.start({
      MODELS_DIR: await modelsDir('iris', 'fixture:slow'),
      API_KEYS: NAMES.map((name) => `${name}:${textOf(name)}`).join(','),
    });
    redis = new Redis(foretell.redis.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await foretell.stop();
  });

  afterEach(() => {
    foretell.app('worker').kill('SIGCONT');
  });

  /** Other apis of the same installation. @returns what makes a client of theirs. */
  async function apis(count: number, env: NodeJS.ProcessEnv) {
    const clients: Client[] = [];
    for (let i = 0; i < count; i++) {
      await foretell.add('api', env);
      clients.push(foretell.client);
    }
    return (name: Name, i = 0) => {
      const client = clients[i % count] ?? foretell.client;
      return client.withHeaders({ authorization: `Bearer ${textOf(name)}` });
    };
  }

  const many = <T>(count: number, make: (i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, i) => make(i)));

  describe('of requests', () => {
    it('lets exactly as many of a key pass two apis, and tells how many are left', async () => {
      const as = await apis(2, { RATE_LIMIT: RATE });
      const answers = await many(100, (i) => as('ann', i).get('/v1/models'));
      expect(countsOf(answers)).toEqual({ 200: 20, '429 rate-limited': 80 });
      const left = answers
        .filter(({ status }) => status === 200)
        .map(({ headers }) => {
          expect(headers.get('ratelimit-policy')).toBe('"default";q=20;w=3600');
          return itemsOf(headers.get('ratelimit'))['default']?.['r'];
        });
      expect(left.map(Number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, i) => i),
      );
      const refused = answers.find(({ status }) => status === 429);
      expect(itemsOf(refused?.headers.get('ratelimit') ?? null)).toEqual({
        default: { r: 0, t: 3600 },
      });
      expect(refused?.headers.get('retry-after')).toBe('180');
      expect(refused?.body).toMatchObject({ code: 'rate-limited', retryable: true });
      expect((await as('bob').get('/v1/models')).status).toBe(200);
      const probe = await as('ann').get('/health/live');
      expect([probe.status, probe.headers.get('ratelimit')]).toEqual([200, null]);
      const metrics = await as('bob').get<{ text: string }>('/metrics');
      expect(metrics.body.text).toMatch(
        /foretell_refusals_total\{code="rate-limited",app="api"\} \d+/,
      );
    });

    it('counts all that comes from an address, with whatever key', async () => {
      const as = await apis(1, { RATE_LIMIT: '1000/h', ADDRESS_RATE_LIMIT: '5/h' });
      const answers = await many(5, (i) => as(i < 3 ? 'bob' : 'dan').get('/v1/models'));
      expect(countsOf(answers)).toEqual({ 200: 5 });
      const { status, headers } = await as('cid').get('/v1/models');
      expect(status).toBe(429);
      expect(Object.keys(itemsOf(headers.get('ratelimit')))).toEqual(['default', 'address']);
      expect(itemsOf(headers.get('ratelimit-policy'))['address']).toEqual({ q: 5, w: 3600 });
    });

    it('tells addresses behind a trusted proxy apart', async () => {
      const as = await apis(1, { ADDRESS_RATE_LIMIT: '1/h', TRUST_PROXY: 'loopback' });
      const from = async (ip: string) => {
        const client = as('ann').withHeaders({ 'x-forwarded-for': ip });
        return (await client.get('/v1/models')).status;
      };
      expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([200, 200]);
      expect(await from('192.0.2.1')).toBe(429);
    });

    it('refuses before the body is read', async () => {
      const as = await apis(1, { RATE_LIMIT: '1/h' });
      await as('dan').get('/v1/models');
      const request = http.request(new URL(PREDICT, as('dan').url), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${textOf('dan')}`,
          'content-type': 'application/json',
          'content-length': 1_000_000,
        },
      });
      request.on('error', () => undefined);
      request.flushHeaders();
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      expect(response.statusCode).toBe(429);
      request.destroy();
    });
  });

  it('a flood of one key leaves the requests of another alone', async () => {
    const as = await apis(2, { RATE_LIMIT: '300/h', MAX_QUEUED_JOBS: '100' });
    const flood = many(1000, (i) => as('eve', i).post(PREDICT, IRIS));
    const ended = await many(50, (i) =>
      as('fay', i).post<JobView>(PREDICT, IRIS, { prefer: 'wait=60' }),
    );
    expect(new Set(ended.map(({ body }) => body.status))).toEqual(new Set(['succeeded']));
    const {
      202: accepted = 0,
      '429 too-many-queued': tooMany = 0,
      ...rest
    } = countsOf(await flood);
    expect(accepted + tooMany).toBe(300);
    expect(rest).toEqual({ '429 rate-limited': 700 });
  });

  describe('of queued jobs', () => {
    it('counts those of all models and apis; a replay is none, and what has left makes room', async () => {
      const as = await apis(2, { MAX_QUEUED_JOBS: '10' });
      foretell.app('worker').kill('SIGSTOP');
      const key = { 'idempotency-key': 'first' };
      const first = await as('ann').submit('iris', IRIS, key);
      const answers = await many(60, (i) => as('ann', i).post(PREDICT, IRIS));
      expect(countsOf(answers)).toEqual({ 202: 9, '429 too-many-queued': 51 });
      const other = await as('ann', 1).post('/predict', { model: 'slow', input: [1] });
      expect([other.status, other.body['code']]).toEqual([429, 'too-many-queued']);
      expect(Number(other.headers.get('retry-after'))).toBeGreaterThan(0);
      const replay = await as('ann', 1).post<JobView>(PREDICT, IRIS, key);
      expect([replay.status, replay.body.id]).toEqual([202, first.id]);
      const keyed = await as('ann').post(PREDICT, IRIS, { 'idempotency-key': 'second' });
      expect(keyed.body).toMatchObject({ code: 'too-many-queued' });
      expect((await as('bob').post(PREDICT, IRIS)).status).toBe(202);
      await as('ann').post(`/v1/jobs/${first.id}/cancel`, {});
      const more = await many(5, (i) => as('ann', i).post(PREDICT, IRIS));
      expect(countsOf(more)).toEqual({ 202: 1, '429 too-many-queued': 4 });
      const retried = await as('ann').post(`/v1/jobs/${first.id}/retry`, {});
      expect(retried.body).toMatchObject({ code: 'too-many-queued' });
    });
  });

  describe('of what is held', () => {
    it.each(['a wait', 'a stream', 'a submission that streams'])(
      'gives %s back when its client hangs up',
      async (kind) => {
        const as = await apis(1, { MAX_WAITS: '2' });
        foretell.app('worker').kill('SIGSTOP');
        const job = await as('gus').submit('iris', IRIS);
        const hold = async (): Promise<() => void> => {
          if (kind === 'a stream') {
            const url = new URL(`/v1/jobs/${job.id}/events`, as('gus').url);
            const authorization = `Bearer ${textOf('gus')}`;
            const stream = await EventStream.open(url, { authorization });
            return () => stream.close();
          }
          if (kind === 'a submission that streams') {
            const authorization = `Bearer ${textOf('gus')}`;
            const url = new URL(PREDICT, as('gus').url);
            const stream = await EventStream.submit(url, IRIS, { authorization });
            return () => stream.close();
          }
          let request: http.ClientRequest;
          const open = () => {
            request = http.get(new URL(`/v1/jobs/${job.id}`, as('gus').url), {
              headers: { authorization: `Bearer ${textOf('gus')}`, prefer: 'wait=60' },
            });
            request.on('error', () => undefined);
            // Whoever asks meanwhile whether all are held may hold one.
            request.on('response', open);
          };
          open();
          return () => request.destroy();
        };
        const ends = [await hold(), await hold()];
        const refusal = () => as('gus').withHeaders({ prefer: 'wait=1' }).get(`/v1/jobs/${job.id}`);
        const until = async (wanted: number) => {
          while ((await refusal()).status !== wanted) await delay(20);
        };
        await until(429);
        expect((await refusal()).body).toMatchObject({ code: 'too-many-connections' });
        expect((await as('gus').get(`/v1/jobs/${job.id}`)).status).toBe(200);
        ends[0]?.();
        await until(200);
        ends[1]?.();
      },
    );

    it('takes so many bytes of a key at once, and one body that is larger', async () => {
      const as = await apis(1, { MAX_INFLIGHT_BYTES: '1500' });
      const open = (): http.ClientRequest => {
        const request = http.request(new URL(PREDICT, as('hal').url), {
          method: 'POST',
          headers: {
            authorization: `Bearer ${textOf('hal')}`,
            'content-type': 'application/json',
            'content-length': 2000,
          },
        });
        request.on('error', () => undefined);
        request.flushHeaders();
        return request;
      };
      const held = open();
      const small = () => as('hal').post(PREDICT, IRIS);
      while ((await small()).status !== 429) await delay(20);
      expect((await small()).body).toMatchObject({ code: 'too-many-bytes' });
      expect((await as('bob').post(PREDICT, IRIS)).status).toBe(202);
      expect((await as('hal').get('/v1/models')).status).toBe(200);
      held.destroy();
      while ((await small()).status !== 202) await delay(20);
    });
  });

  describe('of all together', () => {
    it('accepts no more where a queue is long; what is there is read and canceled', async () => {
      const as = await apis(1, { MAX_QUEUE_DEPTH: '5' });
      foretell.app('worker').kill('SIGSTOP');
      const jobs: string[] = [];
      let refused: Answer;
      for (;;) {
        refused = await as('ann').post(PREDICT, IRIS);
        if (refused.status !== 202) break;
        jobs.push(String(refused.body['id']));
      }
      expect(refused.body).toMatchObject({ code: 'overloaded', status: 503 });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await as('bob').post('/predict', { model: 'iris', ...IRIS })).status).toBe(503);
      expect((await as('ann').submit('slow', { input: [1] })).status).toBe('queued');
      expect((await as('ann').get(`/v1/jobs/${jobs[0]}`)).status).toBe(200);
      const health = await as('ann').get('/health');
      expect(health.body).toMatchObject({
        status: 'degraded',
        overloads: [{ reason: 'queue-depth', model: 'iris' }],
      });
      await as('ann').until<{ text: string }>('/metrics', ({ body }) =>
        body.text.includes('foretell_overloaded{reason="queue-depth",app="api"} 1'),
      );
      for (const id of jobs) await as('ann').post(`/v1/jobs/${id}/cancel`, {});
      await as('ann').until<Record<string, unknown>>(
        '/health',
        ({ body }) => body['status'] === 'healthy',
      );
      expect((await as('ann').post(PREDICT, IRIS)).status).toBe(202);
    });

    it('accepts no more where Redis is nearly full; results are still written and read', async () => {
      const as = await apis(1, {});
      foretell.app('worker').kill('SIGSTOP');
      const job = await as('ann').submit('iris', IRIS);
      const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
      await redis.config('SET', 'maxmemory', String(Math.ceil(used * 1.05)));
      await as('ann').until<Record<string, unknown>>(
        '/health',
        ({ body }) => body['status'] === 'degraded',
      );
      const refused = await as('ann').post(PREDICT, IRIS);
      expect(refused.body).toMatchObject({ code: 'overloaded', status: 503 });
      foretell.app('worker').kill('SIGCONT');
      expect((await as('ann').ended(job)).status).toBe('succeeded');
      await redis.config('SET', 'maxmemory', '0');
      await as('ann').until<Record<string, unknown>>(
        '/health',
        ({ body }) => body['status'] === 'healthy',
      );
      expect((await as('ann').post(PREDICT, IRIS)).status).toBe(202);
    });
  });
});

it('limits nothing where Redis does not answer: what does not need it goes on', async () => {
  const foretell = await Installation.start({ RATE_LIMIT: '5/h', MAX_QUEUED_JOBS: '1' });
  const { client } = foretell;
  await foretell.redis.stop();
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.get('/v1/models')));
  expect(countsOf(answers)).toEqual({ 200: 10 });
  const submitted = await client.post(PREDICT, IRIS);
  expect(submitted.body).toMatchObject({ code: 'queue-unavailable', status: 503 });
  for (const app of foretell.apps) app.kill('SIGKILL');
  await Promise.all(foretell.apps.map(({ ended }) => ended));
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { JobView, WebhookPayload } from '#libs/contracts';
import type { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';
import { Receiver } from './support/receiver.js';

const ROW = { input: [5.9, 3, 4.2, 1.5] };
const SLOW = { input: [1] };
const NUMBERS = { input: Array.from({ length: 10 }, () => 0) };

interface Page {
  data: JobView[];
  next_cursor: string | null;
}

let foretell: Installation;
let redis: Redis;
/** Each talks to an api process of its own. */
let clients: [Client, Client];

beforeAll(async () => {
  foretell = await Installation.start(
    {
      MODELS_DIR: await modelsDir('iris', 'diabetes', 'fixture:slow'),
      API_KEYS: ['ann', 'bob', 'cat', 'dan'].map((name) => `${name}:key-of-${name}`).join(),
    },
    ['api', 'worker', 'courier'],
  );
  const one = foretell.client;
  await foretell.add('api');
  clients = [one, foretell.client];
  redis = new Redis(foretell.redis.url);
  // What it served stays known, and jobs are accepted for it: they wait.
  foretell.app('worker').kill('SIGTERM');
  await foretell.app('worker').ended;
});

afterAll(async () => {
  redis.disconnect();
  await foretell.stop();
});

/** A caller, at either api. */
function as(name: string): [Client, Client] {
  const headers = { authorization: `Bearer key-of-${name}` };
  return [clients[0].withHeaders(headers), clients[1].withHeaders(headers)];
}

async function idsOf(client: Client, query: string): Promise<string[]> {
  const { status, body } = await client.get<Page>(`/v1/jobs?${query}`);
  expect(status).toBe(200);
  return body.data.map(({ id }) => id);
}

const ids = (jobs: JobView[]) => jobs.map(({ id }) => id);

describe('a list of jobs', () => {
  it('holds the caller’s own, newest first, as each is', async () => {
    const [ann, otherAnn] = as('ann');
    const jobs = [
      await ann.submit('iris', { ...ROW, metadata: { order: '17', lane: 'a' } }),
      await otherAnn.submit('diabetes', { ...NUMBERS, metadata: { order: '17' } }),
      await ann.submit('iris', { ...ROW, metadata: { order: '18' } }),
    ];
    const newestFirst = [...jobs].reverse();
    for (const client of [ann, otherAnn]) {
      const { body } = await client.get<Page>('/v1/jobs');
      expect(body.next_cursor).toBeNull();
      const shown = newestFirst.map(({ id, model, metadata }) => ({ id, model, metadata }));
      expect(body.data).toMatchObject(shown);
      expect(body.data.map(({ status, queue }) => [status, queue])).toEqual(
        newestFirst.map(() => ['queued', null]),
      );
    }
    const first = await ann.get<Page>('/v1/jobs?limit=2');
    expect(ids(first.body.data)).toEqual(ids(newestFirst).slice(0, 2));
    const query = `limit=2&cursor=${String(first.body.next_cursor)}`;
    expect(await idsOf(otherAnn, query)).toEqual(ids(newestFirst).slice(2));
  });

  it('holds what is asked for', async () => {
    const [bob, otherBob] = as('bob');
    const iris = await bob.submit('iris', { ...ROW, metadata: { order: '17', 'größe.x': 'ä&=+' } });
    expect(await idsOf(otherBob, '')).toEqual([iris.id]);
    const late = await bob.submit('iris', { ...ROW, queue_timeout_s: 0.001 });
    await bob.ended(late);
    const diabetes = await bob.submit('diabetes', { ...NUMBERS, metadata: { order: '17' } });
    const label = `${encodeURIComponent('metadata.größe.x')}=${encodeURIComponent('ä&=+')}`;
    const answers: [string, JobView[]][] = [
      ['model=iris', [late, iris]],
      ['model=nothing', []],
      ['status=queued', [diabetes, iris]],
      ['status=expired', [late]],
      ['status=expired,queued', [diabetes, late, iris]],
      ['status=expired&status=running', [late]],
      ['status=succeeded', []],
      ['metadata.order=17', [diabetes, iris]],
      ['metadata.order=17&model=iris', [iris]],
      [`metadata.order=17&${label}`, [iris]],
      ['metadata.order=18', []],
      ['metadata.order=17&status=expired', []],
      [`created_after=${iris.created_at}&created_before=${diabetes.created_at}`, [late]],
      [`created_before=${iris.created_at}`, []],
      [`created_after=${diabetes.created_at}`, []],
    ];
    for (const [query, expected] of answers) {
      expect([query, await idsOf(otherBob, query)]).toEqual([query, ids(expected)]);
    }
  });

  it('shows nothing of others, and refuses what it does not understand', async () => {
    const [cat] = as('cat');
    expect(await idsOf(cat, '')).toEqual([]);
    expect(await idsOf(cat, 'metadata.order=17')).toEqual([]);
    for (const name of ['status', 'created_after', 'cursor', 'stauts', 'limit']) {
      const { body } = await cat.get(`/v1/jobs?${name}=x`);
      expect(body).toMatchObject({ status: 422, code: 'invalid-request', instance: '/v1/jobs' });
      expect(body['detail']).toMatch(new RegExp(`^${name} `));
    }
    expect((await clients[0].get('/v1/jobs')).status).toBe(401);
  });
});

describe('without any worker', () => {
  it('a job that is not started in time expires, and says why', async () => {
    const [ann, otherAnn] = as('ann');
    const receiver = new Receiver();
    const webhook = { url: await receiver.start(), events: ['expired'] };
    const job = await ann.submit('iris', { ...ROW, queue_timeout_s: 0.2, webhook });
    const ended = await otherAnn.ended(job);
    expect(ended).toMatchObject({
      status: 'expired',
      attempts: 0,
      started_at: null,
      queue: null,
      error: { code: 'queue-timeout', retryable: true },
    });
    expect(Date.parse(ended.ended_at ?? '') - Date.parse(job.created_at)).toBeGreaterThanOrEqual(
      200,
    );
    const [callback] = await receiver.count(1);
    expect(JSON.parse(callback?.body ?? '') as WebhookPayload).toMatchObject({
      type: 'job.expired',
      data: { id: job.id, error: { code: 'queue-timeout' } },
    });
    receiver.stop();
  });

  it('a job is gone once it was kept as long as it should be, and leaves a tombstone', async () => {
    const [ann, otherAnn] = as('ann');
    const times = { queue_timeout_s: 0.001, result_ttl_s: 1 };
    const metadata = { of: 'the one that goes' };
    const job = await ann.submit('iris', { ...ROW, ...times, metadata });
    await ann.ended(job);
    expect(await idsOf(otherAnn, 'metadata.of=the+one+that+goes')).toEqual([job.id]);
    const gone = await otherAnn.until(`/v1/jobs/${job.id}`, ({ status }) => status === 410);
    expect(gone.body).toMatchObject({ code: 'job-gone', retryable: false });
    expect(await idsOf(otherAnn, 'metadata.of=the+one+that+goes')).toEqual([]);
    while ((await redis.keys(`*:job:${job.id}`)).length > 0);
    expect((await ann.get(`/v1/jobs/${job.id}`)).body).toMatchObject({ code: 'job-gone' });
    expect((await as('bob')[0].get(`/v1/jobs/${job.id}`)).body).toMatchObject({
      code: 'job-not-found',
    });
  });

  it('a job knows its place among 100,000, and a high one overtakes', async () => {
    const [ann, otherAnn] = as('ann');
    const placeOf = async ({ id }: JobView) =>
      (await otherAnn.get<JobView>(`/v1/jobs/${id}`)).body.queue;
    await Promise.all(Array.from({ length: 100 }, () => ann.submit('slow', SLOW)));
    const normal = await ann.submit('slow', SLOW);
    expect(await placeOf(normal)).toEqual({ position: 101, eta_ms: null });
    const high = await ann.submit('slow', { ...SLOW, priority: 'high' });
    const place = await placeOf(high);
    expect(place?.position).toBe(1);
    expect(await placeOf(normal)).toEqual({ position: 102, eta_ms: null });

    const [waiting = ''] = await redis.keys('*:waiting:slow');
    const behindHigh = Number(await redis.zscore(waiting, high.id)) + 0.5;
    const fill = `for i = 1, 100000 do redis.call('ZADD', KEYS[1], ARGV[1], 'filler' .. i) end`;
    await redis.eval(fill, 1, waiting, behindHigh);
    expect(await placeOf(normal)).toEqual({ position: 100_102, eta_ms: null });
    expect(await placeOf(high)).toEqual(place);
    await redis.zremrangebyscore(waiting, behindHigh, behindHigh);
  });
});

describe('pages', () => {
  it('miss and repeat no job while jobs come, run, end and go', async () => {
    const [cat, otherCat] = as('cat');
    const models = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 'iris' : 'diabetes'));
    const lasting = await Promise.all(
      models.map((model) => cat.submit(model, model === 'iris' ? ROW : NUMBERS)),
    );
    const expected = ids(lasting).sort().reverse();
    const known = new Set(expected);
    const passed = { over: false };
    const passing = (async () => {
      const times = { queue_timeout_s: 0.01, result_ttl_s: 1 };
      while (!passed.over) await otherCat.submit('iris', { ...ROW, ...times });
    })();
    const worker = foretell.add('worker');
    for (let ended = false; !ended;) {
      const seen: JobView[] = [];
      let cursor = '';
      for (let turn = 0; ; turn++) {
        const client = turn % 2 === 0 ? cat : otherCat;
        const { body } = await client.get<Page>(`/v1/jobs?limit=100${cursor}`);
        seen.push(...body.data);
        if (body.next_cursor === null) break;
        cursor = `&cursor=${body.next_cursor}`;
      }
      const all = ids(seen);
      expect(all).toEqual([...new Set(all)].sort().reverse());
      expect(all.filter((id) => known.has(id))).toEqual(expected);
      ended = seen.every(({ id, status }) => !known.has(id) || status === 'succeeded');
    }
    passed.over = true;
    await Promise.all([passing, worker]);
  });
});

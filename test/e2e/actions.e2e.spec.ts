import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { newJobId, partitionOfModel } from '#libs/jobs';
import type { Answer, Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { Receiver } from './support/receiver.js';

const IRIS = { input: [5.1, 3.5, 1.4, 0.2] };
/** Iterations that keep the slow model busy for about a second, and for next to no time. */
const SLOW = [20_000];
const QUICK = [1];
const ENDLESS = [10_000_000];

const KEYS = 'ann:ann-secret,bob:bob-secret';
const as = (name: string) => ({ authorization: `Bearer ${name}-secret` });

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string; message: string }[];
}

/** Two apis and two workers; `env` beyond. */
async function startTwo(env: NodeJS.ProcessEnv) {
  const foretell = await Installation.start({ API_KEYS: KEYS, ...env });
  const first = foretell.client;
  await Promise.all([foretell.add('api'), foretell.add('worker')]);
  await foretell.client.untilSettled();
  const clients = [first, foretell.client].map((client) => client.withHeaders(as('ann')));
  return { foretell, clients: clients as [Client, Client] };
}

describe('an Idempotency-Key', () => {
  let foretell: Installation;
  let ann: [Client, Client];
  let redis: Redis;
  let count = 0;

  beforeAll(async () => {
    ({ foretell, clients: ann } = await startTwo({
      MODELS_DIR: await modelsDir('iris'),
      INLINE_LIMIT_BYTES: '512',
    }));
    redis = new Redis(foretell.redis.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await foretell.stop();
  });

  const freshKey = () => `order ${++count}`;
  const submit = <T = JobView>(client: Client, key: string, body: object = IRIS) =>
    client.post<T>('/v1/models/iris/predict', body, { 'idempotency-key': key });
  const records = () => redis.keys('*:job:*');

  it('makes one job, run once, of 100 that come at once at two apis', async () => {
    const key = freshKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ann.map((client) => submit(client, key))).flat(),
    );
    const id = answers[0]?.body.id ?? '';
    for (const { status, headers, body } of answers) {
      expect(body.id).toBe(id);
      expect(status).toBe(body.status === 'succeeded' ? 200 : 202);
      expect(headers.get('location')).toBe(`/v1/jobs/${id}`);
    }
    const first = answers.filter(({ headers }) => !headers.has('idempotency-replayed'));
    expect(first).toHaveLength(1);
    expect(await ann[0].ended({ id })).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await records()).toHaveLength(1);
    const [done = ''] = await redis.keys('*predict-iris:completed');
    expect(await redis.zcard(done)).toBe(1);
  });

  it('answers with the job after its end, too, as it was submitted first', async () => {
    const key = freshKey();
    const { body: job, status, headers } = await submit(ann[0], key);
    expect(status).toBe(202);
    expect(headers.get('retry-after')).toBe('1');
    const ended = await ann[0].ended(job);
    const again = await ann[1].post<JobView>(
      '/v1/predict',
      { ...IRIS, model: 'iris' },
      { 'idempotency-key': key, 'x-request-id': 'another' },
    );
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.has('retry-after')).toBe(false);
    const { request_id, output, created_at, ended_at } = ended;
    expect(again.body).toMatchObject({ id: job.id, request_id, output, created_at, ended_at });
  });

  it('answers with all of a large result, though it be stored apart', async () => {
    const [key, body] = [freshKey(), { inputs: Array<number[]>(50).fill(IRIS.input) }];
    const { body: job } = await submit(ann[0], key, body);
    const { outputs } = await ann[0].ended(job);
    expect(JSON.stringify(outputs).length).toBeGreaterThan(512);
    const again = await submit(ann[1], key, body);
    expect(again).toMatchObject({ status: 200, body: { id: job.id, outputs } });
  });

  it('refuses another request with the same key, and remembers none that was refused', async () => {
    const key = freshKey();
    const refused = await submit<Problem>(ann[0], key, { input: [1, 2, 3] });
    expect(refused.body.code).toBe('invalid-input');
    const { body: job } = await submit(ann[0], key);
    for (const other of [
      { input: [1, 2, 3, 4] },
      { ...IRIS, metadata: { a: 'b' } },
      { input: 1 },
    ]) {
      const { status, body } = await submit<Problem>(ann[1], key, other);
      expect([status, body.code]).toEqual([422, 'idempotency-mismatch']);
    }
    expect((await submit(ann[1], key)).body.id).toBe(job.id);
  });

  it('is each caller’s own', async () => {
    const key = freshKey();
    const { body: job } = await submit(ann[0], key);
    const bob = ann[0].withHeaders(as('bob'));
    const { body: other, headers } = await submit(bob, key);
    expect(headers.has('idempotency-replayed')).toBe(false);
    expect(other.id).not.toBe(job.id);
    expect((await bob.get<Problem>(`/v1/jobs/${job.id}`)).status).toBe(404);
  });

  it.each(['x'.repeat(256), 'a\tb', 'caf\u00e9'])('is refused where it is %j', async (key) => {
    const { status, body } = await submit<Problem>(ann[0], key);
    expect([status, body.code]).toEqual([422, 'invalid-request']);
    expect(body.errors).toMatchObject([{ pointer: '', message: /Idempotency-Key/ }]);
  });

  it('says so when its job is kept no longer', async () => {
    const [key, body] = [freshKey(), { ...IRIS, result_ttl_s: 1 }];
    const { body: job } = await submit(ann[0], key, body);
    await ann[0].until(`/v1/jobs/${job.id}`, ({ status }) => status === 410);
    const again = await submit<Problem>(ann[1], key, body);
    expect([again.status, again.body.code]).toEqual([410, 'job-gone']);
  });

  it('whose api died before it had submitted anything: the next request submits it', async () => {
    const nameOf = (key: string) => {
      const digest = createHash('sha256').update(`ann\0${key}`).digest('hex');
      return `foretell:idempotency:${digest}`;
    };
    const [key, sibling] = [freshKey(), freshKey()];
    const { body: job } = await submit(ann[0], sibling);
    const [, fingerprint = ''] = (await redis.get(nameOf(sibling)))?.split(' ') ?? [];
    const id = newJobId(partitionOfModel('iris'));
    await redis.set(nameOf(key), `${id} ${fingerprint}`);
    const answers = await Promise.all(ann.map((client) => submit(client, key)));
    expect(answers.map(({ body }) => body.id)).toEqual([id, id]);
    expect(await ann[0].ended({ id })).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(job.id).not.toBe(id);
  });

  it('is good for another try when an api is killed at any moment', async () => {
    const doomed = await foretell.add('api');
    const client = foretell.client.withHeaders(as('ann'));
    const before = (await records()).length;
    const keys = Array.from({ length: 200 }, freshKey);
    const sent = keys.map((key) => submit(client, key));
    await Promise.any(sent);
    doomed.kill('SIGKILL');
    const heard = await Promise.allSettled(sent);
    const again = await Promise.all(keys.map((key) => submit(ann[0], key)));
    heard.forEach((answer, i) => {
      if (answer.status === 'fulfilled') expect(again[i]?.body.id).toBe(answer.value.body.id);
    });
    for (const { body } of again) expect((await ann[0].ended(body)).status).toBe('succeeded');
    expect(new Set(again.map(({ body }) => body.id)).size).toBe(200);
    expect((await records()).length - before).toBe(200);
  });
});

describe('a job’s owner', () => {
  let foretell: Installation;
  let ann: [Client, Client];
  let receiver: Receiver;
  let url: string;

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    const defaults = 'defaults: { execution_timeout_s: 60, result_ttl_s: 31536000 }\n';
    await writeFile(path.join(dir, 'slow/model.yaml'), defaults);
    ({ foretell, clients: ann } = await startTwo({
      MODELS_DIR: dir,
      WEBHOOK_FIRST_RETRY_MS: '50',
    }));
  });

  afterAll(async () => {
    await foretell.stop();
  });

  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.start();
  });

  afterEach(() => {
    goOn();
    receiver.stop();
  });

  const slow = (input: number[], more: object = {}) => ann[0].submit('slow', { input, ...more });
  const cancel = <T = JobView>(client: Client, { id }: { id: string }) =>
    client.post<T>(`/v1/jobs/${id}/cancel`, '');
  const retry = <T = JobView>(client: Client, { id }: { id: string }) =>
    client.post<T>(`/v1/jobs/${id}/retry`, '');
  const refusal = ({ status, body }: Answer<Problem>) => [status, body.code];
  const events = (count: number) =>
    receiver
      .count(count)
      .then((all) => all.map(({ body }) => (JSON.parse(body) as WebhookPayload).data));

  /** No worker takes anything until `goOn`: what is submitted stays queued. */
  function hold(signal: 'SIGSTOP' | 'SIGCONT' = 'SIGSTOP'): void {
    for (const app of foretell.apps) if (app.name === 'worker') app.kill(signal);
  }
  const goOn = () => {
    hold('SIGCONT');
  };

  it('cancels one that is queued: it never starts, its siblings are unharmed', async () => {
    hold();
    const [one, ...siblings] = [await slow(QUICK, { webhook: { url } }), await slow(QUICK)];
    const { status, body } = await cancel(ann[0], one);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: one.id,
      status: 'canceled',
      output: null,
      started_at: null,
      attempts: 0,
      error: { code: 'canceled', detail: expect.stringContaining('before it was started') },
    });
    const { ended_at } = body;
    const repeats = await Promise.all(ann.map((client) => cancel(client, one)));
    for (const repeat of repeats) expect(repeat).toMatchObject({ status: 200, body: { ended_at } });
    goOn();
    for (const job of siblings) {
      expect(await ann[0].ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
    expect((await ann[0].get(`/v1/jobs/${one.id}`)).body).toEqual(body);
    const [told] = await events(1);
    expect(told).toMatchObject({ id: one.id, status: 'canceled', error: { code: 'canceled' } });
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({ type: 'job.canceled' });
  });

  it('cancels one that runs: what it computes is discarded, its batch mates succeed', async () => {
    hold();
    const [one, ...mates] = [await slow(SLOW), await slow(SLOW), await slow(SLOW)];
    goOn();
    await ann[0].running(one);
    const { status, body } = await cancel(ann[1], one);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'canceled',
      attempts: 1,
      error: { code: 'canceled', detail: expect.stringContaining('discarded') },
    });
    for (const job of mates) {
      expect(await ann[1].ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
    expect((await ann[1].get(`/v1/jobs/${one.id}`)).body).toEqual(body);
  });

  it('cannot cancel what has ended otherwise, is not there, or is another’s', async () => {
    const job = await ann[0].predict('iris', IRIS);
    expect(refusal(await cancel<Problem>(ann[1], job))).toEqual([409, 'job-ended']);
    const bob = ann[1].withHeaders(as('bob'));
    const unknown = { id: newJobId(partitionOfModel('iris')) };
    for (const act of [cancel<Problem>, retry<Problem>]) {
      expect(refusal(await act(bob, job))).toEqual([404, 'job-not-found']);
      expect(refusal(await act(ann[0], unknown))).toEqual([404, 'job-not-found']);
      expect(refusal(await act(ann[0], { id: 'nonsense' }))).toEqual([404, 'job-not-found']);
    }
    expect((await ann[0].get<Problem>('/v1/jobs/cancel')).body.code).toBe('method-not-allowed');
  });

  it('needs no body, and may send any', async () => {
    hold();
    const one = await slow(QUICK);
    for (const [body, type] of [
      ['', 'application/json'],
      ['{"reason":', 'application/json'],
      ['', 'application/x-www-form-urlencoded'],
      ['x'.repeat(100_000), 'text/plain'],
      ['<a/>', 'nonsense'],
    ] as const) {
      const path = `/v1/jobs/${one.id}/cancel`;
      expect((await ann[0].post(path, body, { 'content-type': type })).status).toBe(200);
    }
  });

  it('retries what was canceled: same id, next attempt, with its history', async () => {
    hold();
    const one = await slow(QUICK, { webhook: { url, events: ['canceled', 'succeeded'] } });
    expect(refusal(await retry<Problem>(ann[0], one))).toEqual([409, 'job-not-retryable']);
    await cancel(ann[0], one);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        ann.map((client) => retry<JobView & Problem>(client, one)),
      ).flat(),
    );
    const [first, ...refused] = answers.sort((a, b) => a.status - b.status);
    expect(first?.status).toBe(202);
    expect(first?.headers.get('location')).toBe(`/v1/jobs/${one.id}`);
    expect(first?.headers.get('retry-after')).toBe('1');
    expect(first?.body).toMatchObject({ id: one.id, status: 'queued', error: null, attempts: 1 });
    for (const answer of refused) expect(refusal(answer)).toEqual([409, 'job-not-retryable']);
    goOn();
    const ended = await ann[0].ended(one);
    expect(ended).toMatchObject({
      id: one.id,
      status: 'succeeded',
      output: { echo: QUICK },
      attempts: 2,
      attempt_history: [
        { attempt: 1, status: 'canceled', error: { code: 'canceled' }, started_at: null },
      ],
    });
    expect(refusal(await retry<Problem>(ann[0], one))).toEqual([409, 'job-not-retryable']);
    const told = await events(2);
    expect(told.map(({ status }) => status).sort()).toEqual(['canceled', 'succeeded']);
  });

  it('retries what has failed, and hears of each end', async () => {
    const limit = { execution_timeout_s: 0.3 };
    const one = await slow(ENDLESS, { ...limit, webhook: { url, events: ['failed'] } });
    const failed = { status: 'failed', error: { code: 'execution-timeout' } };
    expect(await ann[0].ended(one)).toMatchObject({ ...failed, attempts: 1 });
    await receiver.count(1);
    expect((await retry(ann[1], one)).status).toBe(202);
    expect(await ann[0].ended(one)).toMatchObject({
      ...failed,
      attempts: 2,
      attempt_history: [{ attempt: 1, ...failed }],
    });
    const told = await events(2);
    expect(told.map(({ attempts }) => attempts)).toEqual([1, 2]);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(2);
  });

  it('cancels all of a model at once, and nobody else’s', async () => {
    const running = await slow(SLOW);
    await ann[0].running(running);
    hold();
    const bob = ann[0].withHeaders(as('bob'));
    const bobs = await bob.submit('slow', { input: QUICK });
    const iris = await ann[1].submit('iris', IRIS);
    const mine = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => slow(SLOW, i % 100 === 0 ? { webhook: { url } } : {})),
    );
    const cancelAll = (status?: string) =>
      ann[1].post<{ canceled: number }>('/v1/jobs/cancel', { model: 'slow', status });
    expect(await cancelAll('queued')).toMatchObject({ status: 200, body: { canceled: 1000 } });
    expect(await cancelAll('queued')).toMatchObject({ status: 200, body: { canceled: 0 } });
    const late = await slow(QUICK);
    expect(await cancelAll('running')).toMatchObject({ status: 200, body: { canceled: 1 } });
    goOn();
    for (const job of [running, ...mine]) {
      expect((await ann[0].get<JobView>(`/v1/jobs/${job.id}`)).body.status).toBe('canceled');
    }
    expect((await bob.ended(bobs)).status).toBe('succeeded');
    for (const job of [iris, late]) expect((await ann[0].ended(job)).status).toBe('succeeded');
    const told = await events(10);
    expect(new Set(told.map(({ id }) => id)).size).toBe(10);
  });

  it.each<[unknown, string[]]>([
    [{}, ['/model']],
    [{ model: '' }, ['/model']],
    [{ model: 'slow', status: 'succeeded' }, ['/status']],
    [{ model: 'slow', status: ['queued'] }, ['/status']],
    [{ model: 'slow', metadata: { a: 'b' } }, ['/metadata']],
    [[], ['']],
  ])('may not cancel %j', async (body, pointers) => {
    const refused = await ann[0].post<Problem>('/v1/jobs/cancel', body);
    expect(refusal(refused)).toEqual([422, 'invalid-request']);
    expect(refused.body.errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it('gets the model’s defaults, cut to the limits, unless it says otherwise', async () => {
    const kept = ({ ended_at, expires_at }: JobView) =>
      Date.parse(expires_at ?? '') - Date.parse(ended_at ?? '');
    expect(kept(await ann[0].predict('slow', { input: QUICK }))).toBe(7 * 86_400_000);
    const asked = await ann[0].predict('slow', { input: QUICK, result_ttl_s: 60 });
    expect(kept(asked)).toBe(60_000);
    const refused = await ann[0].post<Problem>('/v1/models/slow/predict', {
      input: QUICK,
      queue_timeout_s: 3e6,
      result_ttl_s: 1e7,
    });
    expect(refused.body.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/queue_timeout_s',
      '/result_ttl_s',
    ]);
  });
});

import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { EventStream, freePort } from '#libs/testing';
import { Client } from './support/client.js';
import { type App, Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { Receiver } from './support/receiver.js';

const ROOT = path.join(import.meta.dirname, '../..');
const KEYS = { ann: 'key-of-ann-00000000', bob: 'key-of-bob-00000000' };
const SLOW = 'batching: { max_batch_size: 4, max_queue_delay_ms: 0 }\n';
/** About a second of computing. */
const SECOND = 20_000;
const NO_CACHE = { 'cache-control': 'no-cache' };

interface Worker {
  app: App;
  metrics: Client;
}

describe('a model that keeps results', () => {
  const receiver = new Receiver();
  let dir: string;
  let foretell: Installation;
  let apis: [Client, Client];
  let bob: Client;
  let workers: Worker[];
  let iterations = 1;

  beforeAll(async () => {
    dir = await modelsDir();
    const models = {
      slow: `${SLOW}cache_ttl_s: 600\n`,
      shared: `${SLOW}cache_ttl_s: 600\ncache_shared: true\n`,
      brief: `${SLOW}cache_ttl_s: 0.5\n`,
      plain: SLOW,
    };
    for (const [name, yaml] of Object.entries(models)) {
      await copyModel('fixture:slow', path.join(dir, name));
      await writeFile(path.join(dir, name, 'model.yaml'), yaml);
    }
    await copyModel('iris', path.join(dir, 'iris'));
    await writeManifest('cache_ttl_s: 600\n');
    const API_KEYS = Object.entries(KEYS)
      .map((pair) => pair.join(':'))
      .join(',');
    const env = { MODELS_DIR: dir, MODELS_POLL_MS: '100', API_KEYS };
    foretell = await Installation.start(env, ['courier']);
    workers = await Promise.all([addWorker(), addWorker()]);
    await foretell.add('api');
    const first = foretell.client;
    await foretell.add('api');
    const as = (key: string, { url }: Client) =>
      new Client(url, { authorization: `Bearer ${key}` });
    apis = [as(KEYS.ann, first), as(KEYS.ann, foretell.client)];
    bob = as(KEYS.bob, first);
    await Promise.all(apis.map((client) => client.untilSettled()));
  }, 180_000);

  afterAll(async () => {
    receiver.stop();
    await foretell.stop();
  });

  async function addWorker(): Promise<Worker> {
    const port = await freePort();
    const app = await foretell.add('worker', { OPS_PORT: String(port) });
    return { app, metrics: new Client(`http://127.0.0.1:${port}`) };
  }

  async function writeManifest(more: string, change = (yaml: string) => yaml): Promise<void> {
    const yaml = await readFile(path.join(ROOT, 'models/iris/model.yaml'), 'utf8');
    await writeFile(path.join(dir, 'iris/.model.yaml'), change(yaml) + more);
    await rename(path.join(dir, 'iris/.model.yaml'), path.join(dir, 'iris/model.yaml'));
  }

  /** An input that nothing was computed for yet. */
  const unheardOf = (about = 0) => ({ input: [about + iterations++] });

  /** Sum of a counter in all processes that are alive, of those series that have all of this in them. */
  async function count(name: string, ...labels: string[]): Promise<number> {
    const pages = await Promise.all(
      [...apis, ...workers.map(({ metrics }) => metrics)].map((client) =>
        client.get<{ text: string }>('/metrics'),
      ),
    );
    const lines = pages.flatMap(({ body }) => body.text.split('\n'));
    return lines
      .filter((line) => line.startsWith(`${name}{`) && labels.every((l) => line.includes(l)))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }
  const rowsOf = (model: string) => count('foretell_batch_rows_sum', `model="${model}"`);
  const asked = (outcome: string) => count('foretell_cache_requests_total', `outcome="${outcome}"`);

  const echoOf = ({ input }: { input: number[] }) => ({ echo: input });
  const outputs = (jobs: JobView[]) => jobs.map(({ status, output }) => [status, output]);

  it('answers what was computed before with 200 and the job, at every api', async () => {
    const body = { ...unheardOf(), metadata: { test: 'hit' }, parameters: undefined };
    const before = await apis[0].predict('slow', body);
    expect(before).toMatchObject({ status: 'succeeded', cached: false, output: echoOf(body) });
    const hits = await asked('hit');
    const answer = await apis[1].post<JobView>('/v1/models/slow/predict', body);
    expect([answer.status, answer.headers.get('location')]).toEqual([
      200,
      `/v1/jobs/${answer.body.id}`,
    ]);
    const job = answer.body;
    expect(job).toMatchObject({
      ...{ status: 'succeeded', output: echoOf(body), cached: true, attempts: 1, batch_size: null },
      timing: { queue_ms: 0, batch_wait_ms: 0, inference_ms: 0, preprocess_ms: 0 },
      ...{ progress: { done: 1, total: 1 }, error: null, metadata: { test: 'hit' } },
    });
    expect(job.id).not.toBe(before.id);
    const seen = (await apis[0].get<JobView>(`/v1/jobs/${job.id}`)).body;
    const url = { status_url: '', events_url: '', cancel_url: '' };
    expect({ ...seen, ...url }).toEqual({ ...job, ...url });
    expect(await asked('hit')).toBe(hits + 1);
    // As any job that has ended.
    const list = await apis[0].get<{ data: JobView[] }>('/v1/jobs?metadata.test=hit&model=slow');
    expect(list.body.data.map(({ id }) => id)).toEqual([job.id, before.id]);
    for (const action of ['cancel', 'retry']) {
      expect((await apis[0].post(`/v1/jobs/${job.id}/${action}`, '')).status).toBe(409);
    }
    const stream = await EventStream.open(new URL(job.events_url), {
      authorization: `Bearer ${KEYS.ann}`,
    });
    expect((await stream.events()).at(-1)).toMatchObject({ event: 'end', data: { cached: true } });
    // In the other form, too.
    const many = await apis[0].submit('slow', { inputs: [body.input] });
    expect(many).toMatchObject({ cached: true, outputs: [echoOf(body)] });
    const waited = await apis[0].post<JobView>('/v1/models/slow/predict', body, {
      prefer: 'wait=5',
    });
    expect([waited.status, waited.body.cached]).toEqual([200, true]);
  });

  it('keeps to one job with an Idempotency-Key, whatever came of it', async () => {
    const body = unheardOf();
    await apis[0].predict('slow', body);
    const key = { 'idempotency-key': 'cached' };
    const first = await apis[0].submit('slow', body, key);
    expect(first.cached).toBe(true);
    const again = await apis[1].post<JobView>('/v1/models/slow/predict', body, {
      ...key,
      ...NO_CACHE,
    });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body.id).toBe(first.id);
  });

  it('computes what comes many times at once, at both apis, once', async () => {
    const body = unheardOf(SECOND);
    const [rows, plainRows] = [await rowsOf('slow'), await rowsOf('plain')];
    const jobs = await Promise.all(
      Array.from({ length: 40 }, (_, i) => apis[i % 2 === 0 ? 0 : 1].submit('slow', body)),
    );
    const ends = await Promise.all(jobs.map((job) => apis[0].ended(job)));
    expect(outputs(ends)).toEqual(ends.map(() => ['succeeded', echoOf(body)]));
    expect(ends.filter(({ cached }) => !cached)).toHaveLength(1);
    expect((await rowsOf('slow')) - rows).toBe(1);
    // Only where the model says so.
    await Promise.all(Array.from({ length: 2 }, () => apis[0].predict('plain', { input: [1] })));
    expect((await rowsOf('plain')) - plainRows).toBe(2);
  });

  it('goes on with those that wait when the one that is computed is canceled', async () => {
    const body = unheardOf(2 * SECOND);
    const first = await apis[0].submit('slow', body);
    await apis[0].running(first);
    const others = await Promise.all(
      Array.from({ length: 10 }, (_, i) => apis[i % 2 === 0 ? 0 : 1].submit('slow', body)),
    );
    expect((await apis[1].post(`/v1/jobs/${first.id}/cancel`, '')).status).toBe(200);
    const ends = await Promise.all(others.map((job) => apis[0].ended(job)));
    expect(outputs(ends)).toEqual(ends.map(() => ['succeeded', echoOf(body)]));
    expect(ends.filter(({ cached }) => !cached)).toHaveLength(1);
    expect((await apis[0].ended(first)).status).toBe('canceled');
  });

  it('cancels one that waits, at once', async () => {
    const body = unheardOf(2 * SECOND);
    const first = await apis[0].submit('slow', body);
    await apis[0].running(first);
    const waiting = await apis[1].submit('slow', body);
    await apis[1].post(`/v1/jobs/${waiting.id}/cancel`, '');
    expect((await apis[0].ended(waiting)).status).toBe('canceled');
    expect((await apis[0].ended(first)).status).toBe('succeeded');
  });

  it('loses nothing when the worker that computes is killed', async () => {
    const body = unheardOf(4 * SECOND);
    const before = await Promise.all(workers.map(({ metrics }) => missesOf(metrics)));
    const first = await apis[0].submit('slow', body);
    await apis[0].running(first);
    const after = await Promise.all(workers.map(({ metrics }) => missesOf(metrics)));
    const others = await Promise.all(
      Array.from({ length: 10 }, (_, i) => apis[i % 2 === 0 ? 0 : 1].submit('slow', body)),
    );
    const place = after.findIndex((misses, i) => misses > (before[i] ?? 0));
    workers[place]?.app.kill('SIGKILL');
    workers.splice(place, 1);
    const ends = await Promise.all([first, ...others].map((job) => apis[0].ended(job)));
    expect(outputs(ends)).toEqual(ends.map(() => ['succeeded', echoOf(body)]));
    workers.push(await addWorker());
    await apis[0].untilSettled();
  });

  async function missesOf(metrics: Client): Promise<number> {
    const { body } = await metrics.get<{ text: string }>('/metrics');
    const line = body.text
      .split('\n')
      .find((l) => l.includes('outcome="miss"') && l.includes('"slow"'));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  it('shares results with other keys only where the model says so', async () => {
    const body = unheardOf();
    await apis[0].predict('slow', body);
    expect(await bob.predict('slow', body)).toMatchObject({ cached: false, output: echoOf(body) });
    await apis[0].predict('shared', body);
    const answer = await bob.post<JobView>('/v1/models/shared/predict', body);
    expect([answer.status, answer.body.cached]).toEqual([200, true]);
    expect((await apis[0].get(`/v1/jobs/${answer.body.id}`)).status).toBe(404);
    // At the same time, too.
    const both = unheardOf(SECOND);
    const jobs = await Promise.all([apis[0].predict('slow', both), bob.predict('slow', both)]);
    expect(jobs.map(({ cached }) => cached)).toEqual([false, false]);
  });

  it('computes anew for `no-cache`, and keeps that; and keeps nothing for `no-store`', async () => {
    const body = unheardOf();
    const [one, two] = [await apis[0].predict('brief', body), await apis[0].submit('slow', body)];
    expect([one.cached, (await apis[0].ended(two)).cached]).toEqual([false, false]);
    const anew = await apis[0].post<JobView>('/v1/models/slow/predict', body, NO_CACHE);
    expect([anew.status, (await apis[0].ended(anew.body)).cached]).toEqual([202, false]);
    const unseen = unheardOf();
    for (const [directive, cached] of [
      ['no-store', false],
      ['no-cache', false],
      ['max-age=0', true],
    ] as const) {
      const job = await apis[0].submit('slow', unseen, { 'cache-control': directive });
      expect([directive, (await apis[0].ended(job)).cached]).toEqual([directive, cached]);
    }
    expect(await asked('bypassed')).toBe(3);
  });

  it('keeps nothing that has failed', async () => {
    const body = unheardOf(SECOND);
    const short = { ...body, execution_timeout_s: 0.05 };
    const jobs = await Promise.all([
      apis[0].predict('slow', short),
      apis[1].predict('slow', short),
    ]);
    expect(jobs.map(({ error }) => error?.code)).toEqual([
      'execution-timeout',
      'execution-timeout',
    ]);
    expect(await apis[0].predict('slow', body)).toMatchObject({
      status: 'succeeded',
      cached: false,
    });
  });

  it('computes anew once a result is over', async () => {
    const body = unheardOf();
    await apis[0].predict('brief', body);
    let job: JobView;
    do job = await apis[0].predict('brief', body);
    while (job.cached);
    expect(job.output).toEqual(echoOf(body));
  });

  it('computes anew with another manifest, and with another file', async () => {
    const ROW = { input: [5.9, 3, 4.2, 1.5] };
    const predict = () => apis[0].predict('iris', ROW);
    const first = await predict();
    expect([first.cached, (await predict()).cached]).toEqual([false, true]);
    // What changes no answer changes nothing here.
    await writeManifest('cache_ttl_s: 600\ncache_max_entries: 7\n', (yaml) =>
      yaml.replace('max_queue_delay_ms: 2', 'max_queue_delay_ms: 3'),
    );
    await apis[0].until<{ versions: { batching: { max_queue_delay_ms: number } }[] }>(
      '/v1/models/iris',
      ({ body }) => body.versions.every(({ batching }) => batching.max_queue_delay_ms === 3),
    );
    expect((await predict()).cached).toBe(true);
    await writeManifest('cache_ttl_s: 600\n', (yaml) => yaml.replace('decimals: 4', 'decimals: 1'));
    let job: JobView;
    do job = await predict();
    while (JSON.stringify(job.output) === JSON.stringify(first.output));
    expect(job.cached).toBe(false);
    const folder = path.join(dir, 'iris/2');
    await copyFile(path.join(ROOT, 'models/iris/1/model.onnx'), path.join(folder, '.model.onnx'));
    await rename(path.join(folder, '.model.onnx'), path.join(folder, 'model.onnx'));
    // One worker may be later than the other.
    let other: JobView;
    do {
      job = await predict();
      const ofFirst = '/v1/models/iris/versions/1/predict';
      other = await apis[0].ended((await apis[0].post<JobView>(ofFirst, ROW)).body);
    } while (job.version !== '2' || JSON.stringify(job.output) !== JSON.stringify(other.output));
    // The model says that it keeps none any more.
    await writeManifest('');
    await apis[0].until<{ versions: { cache: unknown }[] }>('/v1/models/iris', ({ body }) =>
      body.versions.every(({ cache }) => cache === null),
    );
    expect((await predict()).cached).toBe(false);
  });

  it('calls back with what a cached job has, as for any other', async () => {
    const url = await receiver.start();
    const body = { ...unheardOf(), webhook: { url, events: ['started', 'succeeded'] } };
    await apis[0].predict('slow', { input: body.input });
    const job = await apis[1].submit('slow', body);
    expect(job.cached).toBe(true);
    const told = (await receiver.count(2)).map(
      ({ body: text }) => JSON.parse(text) as WebhookPayload,
    );
    const byOrder = told.sort((a, b) => a.sequence - b.sequence);
    expect(byOrder.map(({ type, data }) => [type, data.id, data.cached])).toEqual([
      ['job.started', job.id, false],
      ['job.succeeded', job.id, true],
    ]);
    expect(byOrder[1]?.data).toMatchObject({ output: echoOf(body), batch_size: null });
  });

  it('answers while no worker does anything', async () => {
    const [known, unknown] = [unheardOf(), unheardOf()];
    await apis[0].predict('slow', known);
    for (const { app } of workers) app.kill('SIGSTOP');
    const answers = await Promise.all([
      apis[1].post<JobView>('/v1/models/slow/predict', known),
      apis[1].post<JobView>('/v1/models/slow/predict', unknown),
    ]);
    expect(answers.map(({ status, body }) => [status, body.status, body.cached])).toEqual([
      [200, 'succeeded', true],
      [202, 'queued', false],
    ]);
    for (const { app } of workers) app.kill('SIGCONT');
    expect((await apis[0].ended(answers[1].body)).output).toEqual(echoOf(unknown));
    for (const { app } of workers) app.kill('SIGTERM');
    await Promise.all(workers.map(({ app }) => app.ended));
    workers = [];
    expect((await apis[0].submit('slow', known)).cached).toBe(true);
  });
});

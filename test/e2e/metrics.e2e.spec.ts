import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '#libs/testing';
import { Client } from './support/client.js';
import { Installation, runners } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

/** Lines that tell a value; their labels in the order of their names. */
interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

function parse(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]);
    return [{ name, labels: Object.fromEntries(pairs) as Series['labels'], value: Number(value) }];
  });
}

const MADE_UP = 1000;
/** What is observed for drift is told some seconds after its jobs. */
const COMES_LATE = /^foretell_(drift|observed|low_confidence|out_of_range)_/;
const INPUT = [5.1, 3.5, 1.4, 0.2];

describe('metrics', () => {
  let foretell: Installation;
  let dir: string;
  let worker: Client;

  beforeAll(async () => {
    dir = await modelsDir();
    await copyModel('iris', path.join(dir, 'iris'));
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    const port = String(await freePort());
    foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100' }, []);
    await foretell.add('worker', { OPS_PORT: port });
    await foretell.add('api');
    await foretell.client.untilSettled();
    worker = new Client(`http://127.0.0.1:${port}`);
  });

  afterAll(async () => {
    await foretell.stop();
  });

  async function seriesOf(client: Client): Promise<Series[]> {
    return parse((await client.get<{ text: string }>('/metrics')).body.text);
  }

  /** The sum of what an app tells. */
  async function total(
    client: Client,
    name: string,
    labels: Record<string, string> = {},
  ): Promise<number> {
    const wanted = Object.entries(labels);
    return (await seriesOf(client))
      .filter((s) => s.name === name && wanted.every(([key, text]) => s.labels[key] === text))
      .reduce((sum, { value }) => sum + value, 0);
  }

  it('tell where the time of a job goes', async () => {
    const { client } = foretell;
    await client.predict('iris', { input: INPUT });
    const labels = { model: 'iris', version: '2' };
    expect(await total(worker, 'foretell_job_seconds_count', labels)).toBe(1);
    for (const stage of ['queue', 'batch-wait', 'preprocess', 'inference', 'postprocess']) {
      const count = await total(worker, 'foretell_stage_seconds_count', { ...labels, stage });
      expect([stage, count]).toEqual([stage, 1]);
    }
    expect(await total(worker, 'foretell_jobs_in_hand', { model: 'iris' })).toBe(0);
  });

  it('tell which problems requests and jobs ended with', async () => {
    const { client } = foretell;
    await client.post('/v1/models/iris/predict', { input: [1] });
    expect(await total(client, 'foretell_problems_total', { code: 'invalid-input' })).toBe(1);
    const late = { input: [10_000_000], execution_timeout_s: 0.2 };
    expect(await client.predict('slow', late)).toMatchObject({ status: 'failed' });
    const labels = { model: 'slow', code: 'execution-timeout' };
    expect(await total(worker, 'foretell_job_failures_total', labels)).toBe(1);
  });

  it('keep what waits for a job apart from what is answered at once', async () => {
    const { url } = foretell.client;
    const route = '/v1/models/:model/predict';
    const held = { route, held: 'true' };
    const before = await total(foretell.client, 'foretell_http_request_seconds_count', held);
    await new Client(url, { prefer: 'wait=5' }).post('/v1/models/iris/predict', { input: INPUT });
    const after = await total(foretell.client, 'foretell_http_request_seconds_count', held);
    expect([before, after]).toEqual([0, 1]);
  });

  it('tell of runners: state, memory, crashes, restarts', async () => {
    const labels = { model: 'iris', version: '2' };
    expect(await total(worker, 'foretell_model_state', { ...labels, state: 'ready' })).toBe(1);
    expect(await total(worker, 'foretell_model_state', labels)).toBe(1);
    expect(await total(worker, 'foretell_model_memory_bytes', labels)).toBeGreaterThan(
      10 * 2 ** 20,
    );
    expect(await total(worker, 'foretell_model_instances', labels)).toBe(1);
    const before = await total(worker, 'foretell_runner_restarts_total');
    const pids = runners(foretell.app('worker').pid);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    while ((await total(worker, 'foretell_runner_restarts_total')) < before + pids.length);
    expect(await total(worker, 'foretell_runner_crashes_total', labels)).toBe(1);
    expect(await total(worker, 'foretell_runner_restarts_total', labels)).toBe(1);
  });

  it('tell of the queue and the fleet', async () => {
    const { client } = foretell;
    expect(await total(client, 'foretell_workers')).toBe(1);
    const busy = await client.submit('slow', { input: [10_000_000] });
    await client.running(busy);
    const waits = await client.submit('slow', { input: [1] });
    while ((await total(client, 'foretell_queue_oldest_seconds', { model: 'slow' })) === 0);
    expect(await total(client, 'foretell_queue_oldest_seconds', { model: 'iris' })).toBe(0);
    expect(await total(worker, 'foretell_jobs_in_hand', { model: 'slow' })).toBeGreaterThan(0);
    // What computes cannot be interrupted; it would keep the other one waiting.
    await client.post(`/v1/jobs/${busy.id}/cancel`, {});
    for (const pid of runners(foretell.app('worker').pid)) process.kill(pid, 'SIGKILL');
    for (const job of [busy, waits]) await client.ended(job);
    expect(await total(client, 'foretell_queue_oldest_seconds', { model: 'slow' })).toBe(0);
  });

  it('of Redis: whether it is there, in every app', async () => {
    for (const client of [foretell.client, worker]) {
      expect(await total(client, 'foretell_redis_up')).toBe(1);
      expect(await total(client, 'foretell_redis_disconnects_total')).toBe(0);
    }
  });

  it('do not become more by whatever callers make up', async () => {
    const { client } = foretell;
    const ask = (i: number): Promise<unknown>[] => [
      client.post(`/v1/models/made-up-${i}/predict`, { input: INPUT }),
      client.post('/predict', { model: `made-up-${i}`, input: INPUT }),
      client.post(`/v1/models/iris/versions/${i + 10}/predict`, { input: INPUT }),
      client.get(`/made-up/${i}`),
      client.get(`/v1/models/made-up-${i}`),
      client.get(`/v1/jobs/made-up-${i}`),
    ];
    await Promise.all(ask(0));
    // Node's own come with what it does: the first collection of garbage of a kind.
    const ours = async () => {
      const all = [...(await seriesOf(client)), ...(await seriesOf(worker))];
      return all
        .filter(({ name }) => name.startsWith('foretell_') && !COMES_LATE.test(name))
        .map(({ name, labels }) => name + JSON.stringify(labels));
    };
    const before = await ours();
    for (let i = 1; i <= MADE_UP; i++) await Promise.all(ask(i));
    expect(await ours()).toEqual(before);
  });

  it('forget a version that has gone, and a model', async () => {
    const about = async (model: string, version: string) => {
      const all = [...(await seriesOf(foretell.client)), ...(await seriesOf(worker))];
      const of = ({ labels }: Series) => labels['model'] === model && labels['version'] === version;
      return all.filter(of).length;
    };
    await foretell.client.post('/v1/models/iris/predict', { input: INPUT });
    await foretell.client.predict('slow', { input: [1] });
    expect([await about('iris', '2'), await about('slow', '1')]).not.toContain(0);
    await rm(path.join(dir, 'iris/2'), { recursive: true });
    await rm(path.join(dir, 'slow'), { recursive: true });
    while ((await about('iris', '2')) > 0 || (await about('slow', '1')) > 0);
    await foretell.client.predict('iris', { input: INPUT });
    expect(await about('iris', '1')).toBeGreaterThan(0);
  });
});

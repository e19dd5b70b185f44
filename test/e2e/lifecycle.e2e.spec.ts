import { createHash } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const MODELS = path.join(import.meta.dirname, '../../models');
const FIXTURES = path.join(import.meta.dirname, '../fixtures/models');
const IRIS_1 = path.join(MODELS, 'iris/1/model.onnx');
const IRIS_2 = path.join(MODELS, 'iris/2/model.onnx');

const ROW = { input: [5.9, 3, 4.2, 1.5] };
/** Keeps the slow model busy for about a second. */
const SLOW = { input: [20_000] };

interface VersionView {
  version: string;
  state: string;
  reason: string | null;
  update: { state: string; reason: string | null } | null;
  sha256: string | null;
  load_ms: number | null;
  tensors: { inputs: { name: string }[] } | null;
  batching: { max_batch_size: number };
  warm_instances: number;
  memory_bytes: number;
}
interface ModelView {
  default_version: string | null;
  versions?: VersionView[];
}

let foretell: Installation;
let dir: string;

beforeAll(async () => {
  dir = await modelsDir('iris');
  foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100' });
});

afterAll(async () => {
  await foretell.stop();
});

/** Puts a graph in place as the guide says: under another name first. */
async function put(model: string, version: string, graph: string): Promise<void> {
  const folder = path.join(dir, model, version);
  await mkdir(folder, { recursive: true });
  await copyFile(graph, path.join(folder, '.model.onnx'));
  await rename(path.join(folder, '.model.onnx'), path.join(folder, 'model.onnx'));
}

/** A manifest like iris', changed. */
async function describeAsIris(model: string, change: (yaml: string) => string = (yaml) => yaml) {
  const yaml = await readFile(path.join(MODELS, 'iris/model.yaml'), 'utf8');
  await mkdir(path.join(dir, model), { recursive: true });
  await writeFile(path.join(dir, model, '.model.yaml'), change(yaml));
  await rename(path.join(dir, model, '.model.yaml'), path.join(dir, model, 'model.yaml'));
}

function fileOf(model: string, version: string): string {
  return path.join(dir, model, version, 'model.onnx');
}

async function pageOf(model: string): Promise<ModelView> {
  return (await foretell.client.get<ModelView>(`/v1/models/${model}`)).body;
}

/** Until a version is as wanted. */
async function untilVersion(
  model: string,
  version: string,
  wanted: (found: VersionView) => boolean,
): Promise<VersionView> {
  const seen: VersionView[] = [];
  await foretell.client.until<ModelView>(`/v1/models/${model}`, ({ body }) => {
    const found = body.versions?.find((v) => v.version === version);
    if (found) seen.push(found);
    return found !== undefined && wanted(found);
  });
  const last = seen.at(-1);
  if (!last) throw new Error('nothing was seen');
  return last;
}

const untilState = (model: string, version: string, state: string) =>
  untilVersion(model, version, (found) => found.state === state);

/** Lines of the worker's log about loading a model, so far. */
function loadings(model: string): number {
  const { log } = foretell.app('worker');
  return log.filter((line) => line.msg === 'model loading' && line['model'] === model).length;
}

/** Predicts one row after the other until told to stop. */
function predictOnAndOn(model: string): { stop: () => Promise<JobView[]> } {
  let stopped = false;
  const jobs: JobView[] = [];
  const run = async () => {
    while (!stopped) jobs.push(await foretell.client.predict(model, ROW));
  };
  const running = Promise.all([run(), run(), run(), run()]);
  return {
    stop: async () => {
      stopped = true;
      await running;
      return jobs;
    },
  };
}

describe('a model folder of a running installation', () => {
  it('that appears is served', async () => {
    await put('appears', '1', path.join(FIXTURES, 'two_inputs/1/model.onnx'));
    const found = await untilState('appears', '1', 'ready');
    expect(found).toMatchObject({ warm_instances: 1, update: null, reason: null });
    expect(found.memory_bytes).toBeGreaterThan(0);
    const job = await foretell.client.predict('appears', { input: { a: [1, 2], b: [3, 4] } });
    expect(job.output).toEqual({ sum: [4, 6], product: [3, 8] });
  });

  it('that gets a newer version goes on to it', async () => {
    await describeAsIris('newer');
    await put('newer', '1', IRIS_1);
    await untilState('newer', '1', 'ready');
    const jobs = predictOnAndOn('newer');
    await put('newer', '2', IRIS_2);
    await foretell.client.until<ModelView>(
      '/v1/models/newer',
      ({ body }) => body.default_version === '2',
    );
    expect((await foretell.client.submit('newer', ROW)).version).toBe('2');
    for (const { status } of await jobs.stop()) expect(status).toBe('succeeded');
  });

  it('whose graph is replaced gives other answers, and no job fails meanwhile', async () => {
    const { client } = foretell;
    await describeAsIris('replaced');
    await put('replaced', '1', IRIS_1);
    await untilState('replaced', '1', 'ready');
    const { output: before } = await client.predict('replaced', ROW);
    const { output: after } = await client.predict('iris', ROW);
    expect(after).not.toEqual(before);

    const jobs = predictOnAndOn('replaced');
    await put('replaced', '1', IRIS_2);
    const sha256 = createHash('sha256')
      .update(await readFile(IRIS_2))
      .digest('hex');
    const found = await untilVersion('replaced', '1', (v) => v.sha256 === sha256);
    expect(found).toMatchObject({ state: 'ready', update: null });
    expect((await client.predict('replaced', ROW)).output).toEqual(after);
    const all = await jobs.stop();
    expect(all).not.toHaveLength(0);
    for (const { status, output } of all) {
      expect(status).toBe('succeeded');
      expect([before, after]).toContainEqual(output);
    }
  });

  it('whose raw graph gets other inputs takes those', async () => {
    const { client } = foretell;
    await put('raw', '1', path.join(FIXTURES, 'two_inputs/1/model.onnx'));
    await untilState('raw', '1', 'ready');
    await put('raw', '1', path.join(FIXTURES, 'variable_length/1/model.onnx'));
    await untilVersion('raw', '1', ({ tensors }) => tensors?.inputs[0]?.name === 'x');
    expect((await client.predict('raw', { input: [1, 2, 3] })).output).toEqual({ total: [6] });
    const refused = await client.post('/v1/models/raw/predict', {
      input: { a: [1, 2], b: [3, 4] },
    });
    expect(refused.body).toMatchObject({ code: 'invalid-input' });
  });

  it('whose version goes away ends the jobs that it has taken, and takes no more', async () => {
    const { client } = foretell;
    const slow = path.join(FIXTURES, 'slow/1/model.onnx');
    for (const version of ['1', '2']) await put('leaves', version, slow);
    for (const version of ['1', '2']) await untilState('leaves', version, 'ready');
    const first = await client.submit('leaves', SLOW);
    await client.running(first);
    const behind = await Promise.all([1, 2, 3].map(() => client.submit('leaves', SLOW)));
    await rm(path.join(dir, 'leaves/2'), { recursive: true });
    await client.until<ModelView>(
      '/v1/models/leaves',
      ({ body }) => body.versions?.map(({ version }) => version).join() === '1',
    );
    const refused = await client.post('/v1/models/leaves/versions/2/predict', SLOW);
    expect(refused.body).toMatchObject({ status: 404, code: 'version-not-found' });
    expect((await client.predict('leaves', { input: [1] })).version).toBe('1');
    for (const job of [first, ...behind]) {
      expect(await client.ended(job)).toMatchObject({ status: 'succeeded', version: '2' });
    }

    await rm(path.join(dir, 'leaves'), { recursive: true });
    await client.until('/v1/models/leaves', ({ status }) => status === 404);
    const gone = await client.post('/v1/models/leaves/predict', SLOW);
    expect(gone.body).toMatchObject({ status: 404, code: 'model-not-found' });
  });
});

describe('a broken or half-copied graph', () => {
  it('in a new version is reported, and the older one goes on being the default', async () => {
    const { client } = foretell;
    await describeAsIris('newcomer');
    await put('newcomer', '1', IRIS_1);
    await untilState('newcomer', '1', 'ready');
    const jobs = predictOnAndOn('newcomer');
    await put('newcomer', '2', path.join(FIXTURES, 'broken/1/model.onnx'));
    const { reason } = await untilState('newcomer', '2', 'failed');
    expect(reason).not.toBe('');
    expect((await pageOf('newcomer')).default_version).toBe('1');
    expect((await client.get('/health')).body).toMatchObject({ status: 'degraded' });
    for (const job of await jobs.stop()) {
      expect(job).toMatchObject({ status: 'succeeded', version: '1' });
    }
    await put('newcomer', '2', IRIS_2);
    await untilState('newcomer', '2', 'ready');
    expect((await client.predict('newcomer', ROW)).version).toBe('2');
  });

  it('in place of a working one is reported, and the working one goes on', async () => {
    const { client } = foretell;
    await describeAsIris('half');
    await put('half', '1', IRIS_1);
    const { sha256 } = await untilState('half', '1', 'ready');
    const { output } = await client.predict('half', ROW);
    const graph = await readFile(IRIS_2);
    await writeFile(fileOf('half', '1'), graph.subarray(0, graph.length / 2));
    const found = await untilVersion('half', '1', ({ update }) => update?.state === 'failed');
    expect(found).toMatchObject({ state: 'ready', sha256 });
    expect(found.update?.reason).not.toBeNull();
    expect((await client.predict('half', ROW)).output).toEqual(output);
    await writeFile(fileOf('half', '1'), graph);
    await untilVersion('half', '1', (v) => v.sha256 !== sha256 && v.update === null);
    expect((await client.predict('half', ROW)).output).not.toEqual(output);
  });

  it('that is complete before it has settled was never seen to fail', async () => {
    await describeAsIris('growing');
    await put('growing', '1', IRIS_1);
    await untilState('growing', '1', 'ready');
    const graph = await readFile(IRIS_2);
    await mkdir(path.dirname(fileOf('growing', '2')));
    writeFileSync(fileOf('growing', '2'), graph.subarray(0, graph.length / 2));
    appendFileSync(fileOf('growing', '2'), graph.subarray(graph.length / 2));
    const seen = new Set<string>();
    await untilVersion('growing', '2', ({ state }) => {
      seen.add(state);
      return state === 'ready';
    });
    expect(seen).not.toContain('failed');
  });

  it('or manifest: what works goes on as it was described before', async () => {
    const { client } = foretell;
    await describeAsIris('typo');
    await put('typo', '1', IRIS_1);
    await untilState('typo', '1', 'ready');
    await describeAsIris('typo', (yaml) => yaml.replace('max_batch_size', 'max_batchsize'));
    const found = await untilVersion('typo', '1', ({ update }) => update?.state === 'failed');
    expect(found.update?.reason).toContain('max_batchsize');
    expect((await client.predict('typo', ROW)).status).toBe('succeeded');
    await describeAsIris('typo');
    await untilVersion('typo', '1', ({ state, update }) => state === 'ready' && update === null);
  });
});

describe('the memory of a version', () => {
  it('is given back by unload, and taken again by load or by the next job', async () => {
    const { client } = foretell;
    const at = '/v1/models/unloaded/versions/1';
    await describeAsIris('unloaded');
    await put('unloaded', '1', IRIS_1);
    await untilState('unloaded', '1', 'ready');
    expect((await client.predict('unloaded', ROW)).timing?.load_ms).toBe(0);

    for (const again of [1, 2]) {
      expect(await client.post(`${at}/unload`, {})).toMatchObject({
        status: 202,
        body: { version: '1', state: again === 1 ? 'ready' : 'unloaded' },
      });
      const found = await untilState('unloaded', '1', 'unloaded');
      expect(found).toMatchObject({ warm_instances: 0, memory_bytes: 0, reason: null });
    }
    const job = await client.predict('unloaded', ROW);
    expect(job.status).toBe('succeeded');
    expect(job.timing?.load_ms).toBeGreaterThan(0);
    await untilState('unloaded', '1', 'ready');

    await client.post(`${at}/unload`, {});
    await untilState('unloaded', '1', 'unloaded');
    expect((await client.post(`${at}/load`, {})).status).toBe(202);
    await untilState('unloaded', '1', 'ready');
    expect((await client.predict('unloaded', ROW)).timing?.load_ms).toBe(0);
  });

  it('is first taken by a job where there is no preload', async () => {
    await describeAsIris('lazy', (yaml) => `${yaml}lifecycle: { preload: false }\n`);
    await put('lazy', '1', IRIS_1);
    expect(await untilState('lazy', '1', 'unloaded')).toMatchObject({ warm_instances: 0 });
    // Opened once, to see whether it works.
    expect(loadings('lazy')).toBe(1);
    const job = await foretell.client.predict('lazy', ROW);
    expect(job.status).toBe('succeeded');
    expect(job.timing?.load_ms).toBeGreaterThan(0);
    expect(await untilState('lazy', '1', 'ready')).toMatchObject({ warm_instances: 1 });
  });

  it('is given back after idle_unload_s without a job', async () => {
    await describeAsIris('idle', (yaml) => `${yaml}lifecycle: { idle_unload_s: 0.3 }\n`);
    await put('idle', '1', IRIS_1);
    const wasOpened = (v: VersionView) => v.state === 'unloaded' && v.tensors !== null;
    expect(await untilVersion('idle', '1', wasOpened)).toMatchObject({ memory_bytes: 0 });
    const job = await foretell.client.predict('idle', ROW);
    expect(job.status).toBe('succeeded');
    expect(job.timing?.load_ms).toBeGreaterThan(0);
  });

  it('stays where it is when only batching changes, and the change holds at once', async () => {
    const { client } = foretell;
    const rows = { inputs: Array.from({ length: 8 }, () => ROW.input) };
    await describeAsIris('tuned');
    await put('tuned', '1', IRIS_1);
    const before = await untilState('tuned', '1', 'ready');
    expect((await client.predict('tuned', rows)).batch_size).toBe(8);
    const loaded = loadings('tuned');

    await describeAsIris('tuned', (yaml) =>
      yaml.replace('max_batch_size: 64', 'max_batch_size: 1'),
    );
    const after = await untilVersion('tuned', '1', (v) => v.batching.max_batch_size === 1);
    expect(after).toMatchObject({ state: 'ready', load_ms: before.load_ms, update: null });
    const job = await client.predict('tuned', rows);
    expect(job).toMatchObject({ status: 'succeeded', batch_size: 1 });
    expect(loadings('tuned')).toBe(loaded);

    await describeAsIris('tuned', (yaml) => yaml.replace('decimals: 4', 'decimals: 1'));
    await foretell.app('worker').line(() => loadings('tuned') > loaded);
  });

  it('cannot be asked for where there is no such version, or no worker', async () => {
    const { client } = foretell;
    for (const verb of ['load', 'unload']) {
      const model = await client.post(`/v1/models/nothing/versions/1/${verb}`, {});
      expect(model.body).toMatchObject({ status: 404, code: 'model-not-found' });
      const version = await client.post(`/v1/models/iris/versions/9/${verb}`, {});
      expect(version.body).toMatchObject({ status: 404, code: 'version-not-found' });
    }
    foretell.app('worker').kill('SIGTERM');
    await client.until<{ workers: unknown[] }>('/health', ({ body }) => body.workers.length === 0);
    const refused = await client.post('/v1/models/iris/versions/1/load', {});
    expect(refused.body).toMatchObject({ status: 503, code: 'not-ready' });
    expect(refused.headers.get('retry-after')).toBe('2');
  });
});

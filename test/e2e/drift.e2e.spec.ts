import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { freePort } from '#libs/testing';
import { type App, Installation, type LogLine } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

const DRIFT = '/v1/models/iris/drift';
/** Fewer than by default, so that a test need not send as many. */
const MIN_SAMPLES = 300;
/** Standard deviation of the petals' lengths. */
const PETAL_LENGTH_STD = 1.76;

interface Feature {
  name: string;
  level: string | null;
  samples: number;
  psi: number | null;
  bins: { count: number; reference_count: number | null }[];
}
interface VersionDrift {
  version: string;
  samples: number;
  level: string | null;
  reference: { kind: string; samples: number; by: string | null } | null;
  reference_reason: string | null;
  features: Feature[];
  rates: { low_confidence: number; out_of_range: number; out_of_range_by_field: object };
}
interface ModelDrift {
  versions: VersionDrift[];
}

let dir: string;
let foretell: Installation;
let workers: App[];
/** Where the metrics of each are. */
let urls: string[];
/** Measured flowers. */
let rows: number[][];
const shifted = (row: number[]) => row.with(2, (row[2] ?? 0) + PETAL_LENGTH_STD);

async function copyOfIris(name: string, settings: string, reference?: string): Promise<void> {
  const folder = path.join(dir, name);
  await copyModel('iris', folder);
  const manifest = path.join(folder, 'model.yaml');
  const yaml = await readFile(manifest, 'utf8');
  await writeFile(manifest, `${yaml}drift: ${settings}\n`);
  if (reference !== undefined) await writeFile(path.join(folder, 'reference.jsonl'), reference);
}

beforeAll(async () => {
  dir = await modelsDir();
  await copyOfIris('iris', `{ min_samples: ${MIN_SAMPLES} }`);
  await copyOfIris('broken', '{}', '[1, 2, 3, 4]\n[1, 2, 3]\n');
  await copyOfIris('unwatched', 'false');
  const text = await readFile(path.join(dir, 'iris/reference.jsonl'), 'utf8');
  rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as number[]);
  const ports = [await freePort(), await freePort()];
  const at = (port: number | undefined) => ({ OPS_PORT: String(port) });
  foretell = await Installation.start({ MODELS_DIR: dir, ...at(ports[0]) }, ['worker', 'api']);
  workers = [foretell.app('worker'), await foretell.add('worker', at(ports[1]))];
  urls = ports.map((port) => `http://127.0.0.1:${port}/metrics`);
});

afterAll(async () => {
  await foretell.stop();
});

async function driftOf(
  version: string,
  wanted: (drift: VersionDrift) => boolean = () => true,
  model = 'iris',
): Promise<VersionDrift> {
  const url = `/v1/models/${model}/drift?version=${version}`;
  const { body } = await foretell.client.until<ModelDrift>(url, ({ body: { versions } }) =>
    versions.every(wanted),
  );
  const [found] = body.versions;
  if (!found) throw new Error('it has no drift');
  return found;
}

/** Sends instances, each as a job of its own, and waits for all of them. @returns the version's jobs. */
async function send(version: string, instances: number[][]): Promise<JobView[]> {
  const { client } = foretell;
  const url = `/v1/models/iris/versions/${version}/predict`;
  const accepted = await Promise.all(
    instances.map((input) => client.post<JobView>(url, { input })),
  );
  return Promise.all(accepted.map(({ body }) => client.ended(body)));
}

function feature({ features }: VersionDrift, name: string): Feature | undefined {
  return features.find((one) => one.name === name);
}

function crossings(version: string): LogLine[] {
  return workers
    .flatMap(({ log }) => log)
    .filter((line) => line.msg === 'drift level changed' && line['version'] === version);
}

describe('drift, over two workers', () => {
  it('compares with the reference of the folder, which one of them computes', async () => {
    const drift = await driftOf('2', ({ reference }) => reference !== null);
    expect(drift).toMatchObject({
      level: 'insufficient-samples',
      samples: 0,
      reference: { kind: 'held-out', samples: rows.length, by: null },
    });
    const computed = workers
      .flatMap(({ log }) => log)
      .filter((line) => line.msg === 'drift reference computed' && line['model'] === 'iris');
    expect(computed.map((line) => line['version']).sort()).toEqual(['1', '2']);
  });

  it('finds none in unshifted instances, and counts those of both workers', async () => {
    await send('2', [...rows, ...rows, ...rows]);
    const total = 3 * rows.length;
    const drift = await driftOf('2', ({ samples }) => samples >= total);
    expect(drift).toMatchObject({ samples: total, level: 'ok', rates: { out_of_range: 0 } });
    for (const { samples, bins, level } of drift.features) {
      const sum = bins.reduce((s, { count }) => s + count, 0);
      expect([samples, sum, level]).toEqual([total, total, 'ok']);
    }
    const metrics = await Promise.all(urls.map((url) => rowsObservedAt(url, '2')));
    expect(metrics.reduce((sum, count) => sum + count, 0)).toBe(total);
    expect(Math.min(...metrics)).toBeGreaterThan(0);
    expect(crossings('2')).toEqual([]);
  });

  it('alerts at shifted instances within the minimum sample, and says so once', async () => {
    const shiftedRows = Array.from({ length: MIN_SAMPLES }, (_, i) =>
      shifted(rows[i % rows.length] ?? []),
    );
    await send('1', shiftedRows);
    const drift = await driftOf('1', ({ samples }) => samples >= MIN_SAMPLES);
    expect(drift.level).toBe('alert');
    expect(feature(drift, 'input/petal_length')).toMatchObject({ level: 'alert' });
    expect(feature(drift, 'input/sepal_width')).toMatchObject({ level: 'ok' });
    expect(drift.rates.out_of_range).toBeGreaterThan(0);
    expect(Object.keys(drift.rates.out_of_range_by_field)).toEqual(['petal_length']);

    const isCrossing = (line: LogLine) => line.msg === 'drift level changed';
    await Promise.race(workers.map((worker) => worker.line(isCrossing)));
    await Promise.all(urls.map((url) => untilAlertAt(url, '1')));
    expect(crossings('1')).toMatchObject([
      { level: 'error', model: 'iris', drift: 'alert', from: 'ok', feature: expect.any(String) },
    ]);
  });

  it('compares with a pinned window once one is pinned, until it is removed', async () => {
    const { client } = foretell;
    const pinned = await client.post<VersionDrift>(`${DRIFT}/reference`, { version: '1' });
    expect(pinned).toMatchObject({
      status: 200,
      body: { level: 'ok', reference: { kind: 'pinned', samples: MIN_SAMPLES, by: '' } },
    });
    expect((await driftOf('1')).level).toBe('ok');
    expect((await client.delete(`${DRIFT}/reference?version=1`)).status).toBe(204);
    expect(await driftOf('1')).toMatchObject({ level: 'alert', reference: { kind: 'held-out' } });
  });

  it('knows a version by what it is to its model, too', async () => {
    const { client } = foretell;
    expect((await client.get(`${DRIFT}?version=canary`)).status).toBe(404);
    await client.put('/v1/models/iris/rollout', { stable: '1' });
    expect((await driftOf('stable')).version).toBe('1');
    const pinned = await client.post(`${DRIFT}/reference`, { version: 'stable' });
    expect(pinned).toMatchObject({ status: 200, body: { version: '1' } });
    expect(await driftOf('1')).toMatchObject({ reference: { kind: 'pinned' } });
    expect((await client.delete(`${DRIFT}/reference?version=stable`)).status).toBe(204);
    expect(await driftOf('1')).toMatchObject({ reference: { kind: 'held-out' } });
  });

  it('serves a model whose reference is broken, and says what is wrong with it', async () => {
    const job = await foretell.client.predict('broken', { input: rows[0] });
    expect(job.status).toBe('succeeded');
    const drift = await driftOf('2', ({ samples }) => samples > 0, 'broken');
    expect(drift).toMatchObject({ level: null, samples: 1, reference: null });
    expect(drift.reference_reason).toMatch(/^reference\.jsonl:2: /);
    expect(feature(drift, 'class')).toMatchObject({ samples: 1, psi: null });
  });

  it('leaves alone what is not to be watched', async () => {
    await foretell.client.predict('unwatched', { input: rows[0] });
    const { body } = await foretell.client.get<ModelDrift>('/v1/models/unwatched/drift');
    expect(body.versions).toMatchObject([{ watched: false }, { watched: false, samples: 0 }]);
  });

  it.each([
    ['get', '/v1/models/nope/drift', 404],
    ['get', `${DRIFT}?version=9`, 404],
    ['get', `${DRIFT}?window_s=1`, 422],
    ['delete', `${DRIFT}/reference`, 422],
    ['delete', `${DRIFT}/reference?version=9`, 404],
  ] as const)('refuses to %s %s', async (method, url, status) => {
    expect((await foretell.client[method](url)).status).toBe(status);
  });

  it('refuses to pin what is no window, or holds nothing', async () => {
    const pin = (model: string, body: object) =>
      foretell.client.post<{ errors: { pointer: string }[] }>(
        `/v1/models/${model}/drift/reference`,
        body,
      );
    const [empty, short] = await Promise.all([
      pin('unwatched', { version: '1' }),
      pin('iris', { version: '1', window_s: 1 }),
    ]);
    for (const { status, body } of [empty, short]) {
      expect([status, body.errors.map(({ pointer }) => pointer)]).toEqual([422, ['/window_s']]);
    }
  });
});

async function metricsAt(url: string): Promise<string> {
  return (await fetch(url)).text();
}

async function rowsObservedAt(url: string, version: string): Promise<number> {
  const pattern = new RegExp(
    `^foretell_observed_rows_total{.*version="${version}".*} (\\d+)$`,
    'm',
  );
  return Number(pattern.exec(await metricsAt(url))?.[1] ?? 0);
}

/** Waits for a worker to have compared a version. */
async function untilAlertAt(url: string, version: string): Promise<void> {
  const wanted = new RegExp(`^foretell_drift_level{.*version="${version}".*} 2$`, 'm');
  const psi = new RegExp(
    `^foretell_drift_psi{.*version="${version}",feature="input/petal_length".*} [\\d.]+$`,
    'm',
  );
  for (;;) {
    const text = await metricsAt(url);
    if (wanted.test(text) && psi.test(text)) return;
  }
}

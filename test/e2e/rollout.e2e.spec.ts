import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView, RolloutChange } from '#libs/contracts';
import type { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const MODELS = path.join(import.meta.dirname, '../../models');
const GRAPH = path.join(MODELS, 'iris/1/model.onnx');
const BROKEN = path.join(import.meta.dirname, '../fixtures/models/broken/1/model.onnx');
const ROW = { input: [5.1, 3.5, 1.4, 0.2] };
/** Submissions under way at once. */
const CLIENTS = 32;
/** Standard deviations that a share may be off: a draw is further off once in 150,000 times. */
const SIGMAS = 4.5;

interface View {
  revision: number;
  is_set: boolean;
  stable: string | null;
  canary: object | null;
  history: RolloutChange[];
}
interface ModelView {
  default_version: string | null;
  rollout: { revision: number } | null;
  versions: { version: string; state: string; reason: string | null }[];
}
interface Problem {
  status: number;
  code: string;
  detail: string;
  errors?: { pointer: string }[];
}

let foretell: Installation;
let dir: string;
/** Of one api each; the first is that of who may set rollouts. */
let one: Client;
let other: Client;
let reader: Client;

beforeAll(async () => {
  dir = await modelsDir('iris');
  const API_KEYS = 'ops:key-of-ops:admin+read+predict+models:write,ann:key-of-ann';
  foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100', API_KEYS }, []);
  await Promise.all([foretell.add('worker'), foretell.add('worker')]);
  const as = async (key: string) => {
    await foretell.add('api');
    return foretell.client.withHeaders({ authorization: `Bearer ${key}` });
  };
  [one, other] = [await as('key-of-ops'), await as('key-of-ops')];
  reader = foretell.client.withHeaders({ authorization: 'Bearer key-of-ann' });
  for (const client of [one, other]) {
    await client.until<ModelView>('/v1/models/iris', ({ status, body }) => {
      return status === 200 && body.versions.every(({ state }) => state === 'ready');
    });
  }
});

afterAll(async () => {
  await foretell.stop();
});

/** Puts a file in place as the guide says: under another name first. */
async function put(to: string, from: string | { text: string }): Promise<void> {
  const file = path.join(dir, to);
  const beside = path.join(path.dirname(file), '.new');
  await mkdir(path.dirname(file), { recursive: true });
  if (typeof from === 'string') await copyFile(from, beside);
  else await writeFile(beside, from.text);
  await rename(beside, file);
}

/** A manifest like iris', with more. */
async function describeAsIris(model: string, more: string): Promise<void> {
  const yaml = await readFile(path.join(MODELS, 'iris/model.yaml'), 'utf8');
  await put(`${model}/model.yaml`, { text: `${yaml}\n${more}\n` });
}

/** Until the first api shows just these versions, in these states. */
async function untilVersions(
  model: string,
  states: Record<string, string>,
  also: (page: ModelView) => boolean = () => true,
): Promise<ModelView> {
  const { body } = await one.until<ModelView>(`/v1/models/${model}`, ({ status, body }) => {
    if (status !== 200) return false;
    const found = Object.fromEntries(body.versions.map(({ version, state }) => [version, state]));
    return JSON.stringify(found) === JSON.stringify(states) && also(body);
  });
  return body;
}

/** Sets a rollout at the first api, and waits until the other goes by it. */
async function roll(model: string, rollout: object): Promise<View> {
  const { status, body } = await one.put<View>(`/v1/models/${model}/rollout`, rollout);
  expect([status, body]).toMatchObject([200, { is_set: true }]);
  await other.until<View>(`/v1/models/${model}/rollout`, (seen) => {
    return seen.body.revision === body.revision;
  });
  return body;
}

/** What becomes of submissions, many at a time: version and reason of each. */
async function submitAll(
  count: number,
  submission: (i: number) => { client: Client; body?: object; headers?: Record<string, string> },
): Promise<[string, string][]> {
  const went: [string, string][] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < count; i = next++) {
      const { client, body, headers } = submission(i);
      const job = await client.submit('iris', { ...ROW, ...body }, headers);
      went[i] = [job.version, job.version_reason];
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, work));
  return went;
}

/** @param share of `count` that should have gone there. */
function expectShare(went: readonly [string, string][], version: string, share: number): void {
  const count = went.filter(([found]) => found === version).length;
  const sigma = Math.sqrt(went.length * share * (1 - share));
  expect(Math.abs(count - went.length * share)).toBeLessThan(SIGMAS * sigma);
}

async function submitTo(url: string, body: object = ROW, client = one): Promise<[string, string]> {
  const { status, body: job } = await client.post<JobView>(url, body);
  expect(status).toBe(202);
  return [job.version, job.version_reason];
}

async function refused(url: string, body: object = ROW): Promise<Problem> {
  return (await one.post<Problem>(url, body)).body;
}

describe('the policy of a model', () => {
  it('says which versions are served, and may be changed while they are', async () => {
    await describeAsIris('policy', 'version_policy: all');
    for (const version of ['1', '2', '3']) await put(`policy/${version}/model.onnx`, GRAPH);
    await untilVersions('policy', { 1: 'ready', 2: 'ready', 3: 'ready' });

    await describeAsIris('policy', 'version_policy: { latest: 2 }');
    await untilVersions('policy', { 2: 'ready', 3: 'ready' });
    const left = await refused('/v1/models/policy/versions/1/predict');
    expect(left).toMatchObject({ status: 404, code: 'version-not-found' });

    await describeAsIris('policy', 'version_policy: { specific: [1, 7] }');
    const { versions, default_version } = await untilVersions('policy', {
      1: 'ready',
      7: 'failed',
    });
    expect([default_version, versions[1]?.reason]).toEqual(['1', 'model.onnx is not there']);
    const missing = await refused('/v1/models/policy/versions/7/predict');
    expect(missing).toMatchObject({ status: 503, code: 'model-unavailable' });
    expect(missing.detail).toContain('model.onnx is not there');

    await put('policy/7/model.onnx', GRAPH);
    await untilVersions('policy', { 1: 'ready', 7: 'ready' });
    expect(await submitTo('/v1/models/policy/predict')).toEqual(['7', 'default']);
  });

  it('says which one is the default, also through a manifest that cannot be read', async () => {
    await describeAsIris('default', 'default_version: 1');
    for (const version of ['1', '2']) await put(`default/${version}/model.onnx`, GRAPH);
    const both = { 1: 'ready', 2: 'ready' };
    await untilVersions('default', both, (page) => page.default_version === '1');
    const url = '/v1/models/default/predict';
    expect(await submitTo(url)).toEqual(['1', 'default']);
    await describeAsIris('default', 'default_version: none');
    await foretell.app('worker').line(({ msg, model }) => {
      return msg === 'model cannot be served' && model === 'default';
    });
    expect(await submitTo(url)).toEqual(['1', 'default']);
    await describeAsIris('default', 'default_version: 5');
    await untilVersions('default', both, (page) => page.default_version === null);
    const problem = await refused(url);
    expect(problem).toMatchObject({ status: 503, code: 'model-unavailable' });
    expect(problem.detail).toContain('default version 5');
    await describeAsIris('default', '');
    await untilVersions('default', both, (page) => page.default_version === '2');
  });

  it('takes nothing away for a newer version that turns out broken', async () => {
    await describeAsIris('latest', 'version_policy: { latest: 1 }');
    await put('latest/1/model.onnx', GRAPH);
    await untilVersions('latest', { 1: 'ready' });
    await put('latest/2/model.onnx', BROKEN);
    await untilVersions('latest', { 1: 'ready', 2: 'failed' });
    expect(await submitTo('/v1/models/latest/predict')).toEqual(['1', 'default']);
    await put('latest/2/model.onnx', GRAPH);
    await untilVersions('latest', { 2: 'ready' });
    expect(await submitTo('/v1/models/latest/predict')).toEqual(['2', 'default']);
  });
});

describe('a caller', () => {
  const TO_MODEL = '/v1/models/iris/predict';

  it('gets the version that it names, in the path, the body or the query', async () => {
    const named = { model: 'iris', ...ROW };
    for (const [version, url, body] of [
      ['1', '/v1/models/iris/versions/1/predict', ROW],
      ['1', `${TO_MODEL}?model_version=1`, ROW],
      ['1', '/v1/predict?model_version=1', named],
      ['1', '/predict?model_version=1', named],
      ['1', '/v1/predict', { ...named, version: '1' }],
      ['1', '/v1/predict?model_version=1', { ...named, version: '1' }],
    ] as const) {
      expect([url, await submitTo(url, body)]).toEqual([url, [version, 'pinned']]);
    }
    const { body: job } = await one.post<JobView>(`${TO_MODEL}?model_version=1`, ROW);
    const ended = await one.ended(job);
    expect(ended).toMatchObject({ status: 'succeeded', version: '1', version_reason: 'pinned' });
  });

  it('names stable or canary wherever it may name a version', async () => {
    const without = await refused('/v1/models/iris/versions/canary/predict');
    expect(without).toMatchObject({ status: 404, code: 'version-not-found' });
    expect(without.detail).toContain('no canary');
    expect(await submitTo('/v1/models/iris/versions/stable/predict')).toEqual(['2', 'default']);

    await roll('iris', { stable: '1', canary: { version: '2', percent: 0 } });
    for (const client of [one, other]) {
      for (const [alias, version] of Object.entries({ stable: '1', canary: '2' })) {
        for (const [url, body] of [
          [`/v1/models/iris/versions/${alias}/predict`, ROW],
          [`${TO_MODEL}?model_version=${alias}`, ROW],
          ['/v1/predict', { ...ROW, model: 'iris', version: alias }],
        ] as const) {
          expect([url, await submitTo(url, body, client)]).toEqual([url, [version, alias]]);
        }
      }
      expect(await submitTo(TO_MODEL, ROW, client)).toEqual(['1', 'stable']);
    }
    const loaded = await one.post<{ version: string }>('/v1/models/iris/versions/canary/load', '');
    expect([loaded.status, loaded.body.version]).toEqual([202, '2']);
  });

  it('is refused where what it names is no version, or two', async () => {
    const named = { model: 'iris', ...ROW };
    for (const [url, body, pointer] of [
      [`${TO_MODEL}?model_version=latest`, ROW, ''],
      [`${TO_MODEL}?model_version=1&model_version=2`, ROW, ''],
      ['/v1/predict?model_version=2', { ...named, version: '1' }, '/version'],
      ['/v1/models/iris/versions/1/predict?model_version=2', ROW, ''],
      ['/v1/predict', { ...named, version: 'newest' }, '/version'],
    ] as const) {
      const { status, code, errors } = await refused(url, body);
      expect([url, status, code]).toEqual([url, 422, 'invalid-request']);
      expect(errors).toMatchObject([{ pointer }]);
    }
  });

  it('may send again with its key what it sent, whatever the rollout has become', async () => {
    const key = { 'idempotency-key': 'asked' };
    await roll('iris', { stable: '1' });
    const job = await one.submit('iris', ROW, key);
    await roll('iris', { stable: '2' });
    const again = await other.submit('iris', ROW, key);
    expect([again.id, again.version]).toEqual([job.id, '1']);
    const pinned = await one.post<Problem>(`${TO_MODEL}?model_version=1`, ROW, key);
    expect(pinned.body.code).toBe('idempotency-mismatch');
  });
});

describe('a rollout', () => {
  const URL = '/v1/models/iris/rollout';

  it('holds on all apis, is told of with its history, and goes again', async () => {
    const { body: before } = await one.get<View>(URL);
    const canary = { version: '2', percent: 25, sticky_by: 'header.x-user' };
    const { revision } = await roll('iris', { stable: '1', canary });
    expect(revision).toBe(before.revision + 1);
    const { body, headers } = await reader.get<View>(URL);
    expect(headers.get('etag')).toBe(`"${revision}"`);
    expect(body).toMatchObject({ object: 'rollout', stable: '1', canary, is_set: true });
    expect(body.history[0]).toMatchObject({ revision, event: 'set', by: 'ops', reason: null });
    const page = await other.get<ModelView>('/v1/models/iris');
    expect(page.body.rollout).toEqual({ revision, stable: '1', canary, shadow: null, guard: null });

    expect((await other.delete(URL)).status).toBe(204);
    expect((await other.delete(URL)).status).toBe(204);
    await one.until<View>(URL, (seen) => !seen.body.is_set);
    const after = (await one.get<View>(URL)).body;
    expect(after).toMatchObject({ revision: revision + 1, stable: '2', canary: null });
    expect(after.history.slice(0, 2)).toMatchObject([
      { event: 'removed', by: 'ops', rollout: null },
      { event: 'set', rollout: { stable: '1', canary } },
    ]);
    const apis = foretell.apps.filter(({ name }) => name === 'api');
    for (const [i, api] of apis.entries()) {
      const line = await api.line(({ msg, revision: of }) => {
        return msg === 'rollout changed' && of === revision + i;
      });
      expect(line).toMatchObject({ by: 'ops', request_id: expect.any(String), model: 'iris' });
    }
    expect(await submitTo('/v1/models/iris/predict')).toEqual(['2', 'default']);
  });

  it('is changed by those alone who may, and not over the head of another', async () => {
    for (const { status, body } of [
      await reader.put<Problem>(URL, { stable: '1' }),
      await reader.delete<Problem>(URL),
    ]) {
      expect([status, body.code]).toEqual([403, 'forbidden']);
    }
    const etag = (await one.get(URL)).headers.get('etag') ?? '';
    const changes = await Promise.all(
      [one, other].map((client, i) =>
        client.withHeaders({ 'if-match': etag }).put(URL, { stable: String(i + 1) }),
      ),
    );
    expect(changes.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it('is refused where it makes no sense', async () => {
    for (const [body, pointer] of [
      [{ stable: '9' }, '/stable'],
      [{ stable: '1', canary: { version: '1', percent: 1 } }, '/canary/version'],
      [{ stable: '1', guard: { max_error_rate: 0.1 } }, '/guard'],
    ] as const) {
      const { status, body: problem } = await one.put<Problem>(URL, body);
      expect([status, problem.errors]).toMatchObject([422, [{ pointer }]]);
    }
    const nothing = await one.put<Problem>('/v1/models/none/rollout', { stable: '1' });
    expect(nothing.body.code).toBe('model-not-found');
  });

  it('goes on with the stable version when the canary goes, and with no other than that', async () => {
    for (const version of ['1', '2', '3']) await put(`goes/${version}/model.onnx`, GRAPH);
    await describeAsIris('goes', '');
    await untilVersions('goes', { 1: 'ready', 2: 'ready', 3: 'ready' });
    await roll('goes', { stable: '1', canary: { version: '2', percent: 100 } });
    const url = '/v1/models/goes/predict';
    expect(await submitTo(url)).toEqual(['2', 'canary']);
    await rm(path.join(dir, 'goes/2'), { recursive: true });
    await untilVersions('goes', { 1: 'ready', 3: 'ready' });
    expect(await submitTo(url)).toEqual(['1', 'stable']);
    await rm(path.join(dir, 'goes/1'), { recursive: true });
    await untilVersions('goes', { 3: 'ready' });
    const problem = await refused(url);
    expect(problem).toMatchObject({ status: 503, code: 'model-unavailable' });
    expect(problem.detail).toContain('stable version 1 is not there');
    expect((await one.delete('/v1/models/goes/rollout')).status).toBe(204);
    expect(await submitTo(url)).toEqual(['3', 'default']);
  });

  it('sends 10 % of 10,000 submissions to the canary, whichever api takes them', async () => {
    await roll('iris', { stable: '1', canary: { version: '2', percent: 10 } });
    const went = await submitAll(10_000, (i) => ({ client: i % 2 === 0 ? one : other }));
    expect(went).toHaveLength(10_000);
    expectShare(went, '2', 0.1);
    const reasons = new Set(went.map((each) => each.join()));
    expect([...reasons].sort()).toEqual(['1,stable', '2,canary']);
  });

  it.each([
    ['metadata.user', (user: string) => ({ body: { metadata: { user } } })],
    ['header.X-User', (user: string) => ({ headers: { 'x-user': user } })],
  ])('sticks by %s, and takes nobody off the canary when it grows', async (sticky_by, by) => {
    const users = 400;
    const rollTo = (percent: number) =>
      roll('iris', { stable: '1', canary: { version: '2', percent, sticky_by } });
    await rollTo(10);
    const each = await submitAll(2 * users, (i) => ({
      client: i < users ? one : other,
      ...by(`user-${i % users}`),
    }));
    const [first, second] = [each.slice(0, users), each.slice(users)];
    expect(second).toEqual(first);
    expectShare(first, '2', 0.1);
    await rollTo(40);
    const later = await submitAll(users, (i) => ({ client: other, ...by(`user-${i}`) }));
    expectShare(later, '2', 0.4);
    const lost = later.filter(([version], i) => first[i]?.[0] === '2' && version !== '2');
    expect(lost).toEqual([]);
  });

  it('has let every job end that it sent anywhere', async () => {
    const { body } = await one.until<{ data: JobView[] }>(
      '/v1/jobs?status=queued,running',
      (answer) => answer.body.data.length === 0,
    );
    expect(body.data).toEqual([]);
    const failed = await one.get<{ data: JobView[] }>('/v1/jobs?status=failed');
    expect(failed.body.data).toEqual([]);
  });
});

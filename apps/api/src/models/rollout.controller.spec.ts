import 'reflect-metadata';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ModelReport, ProblemError, type RolloutChange } from '#libs/contracts';
import type { Observations, Rollouts } from '#libs/jobs';
import { CatalogModel } from './catalog.model.js';
import type { ModelCatalog } from './model.catalog.js';
import { RolloutController } from './rollout.controller.js';

const version = (name: string, state: string, reason?: string) => ({
  model: 'iris',
  version: name,
  state,
  reason,
  input: { kind: 'tensor' },
  output: { kind: 'tensor' },
  batching: { max_batch_size: 1, max_queue_delay_ms: 0 },
});
const IRIS = {
  model: 'iris',
  versions: [version('1', 'ready'), version('2', 'ready'), version('3', 'failed', 'bad graph')],
} as unknown as ModelReport;
const CANARY = { stable: '1', canary: { version: '2', percent: 10 } };

describe('RolloutController', () => {
  let changes: RolloutChange[];
  let present: boolean;
  let sent: Record<string, string>;
  let sut: RolloutController;

  beforeEach(() => {
    [changes, present, sent] = [[], true, {}];
    const rollouts = {
      get: () => changes[0],
      log: () => Promise.resolve(changes),
      change: (_: string, change: Omit<RolloutChange, 'revision'>, from?: number) => {
        if (from !== undefined && from !== changes.length) return Promise.resolve(false);
        changes.unshift({ revision: changes.length + 1, ...change });
        return Promise.resolve(true);
      },
    } as unknown as Rollouts;
    const model = CatalogModel.from(IRIS, undefined);
    const catalog = {
      get: () => {
        if (present) return model;
        throw new ProblemError('model-not-found', '');
      },
    } as unknown as ModelCatalog;
    const observations = {
      under: (_: string, revision: number) =>
        Promise.resolve(new Map([['1', { 'jobs/succeeded': 10 * revision }]])),
    } as unknown as Observations;
    sut = new RolloutController(catalog, rollouts, observations);
  });

  const request = (ifMatch?: string) =>
    ({ id: 'r', owner: 'ops', headers: { 'if-match': ifMatch } }) as unknown as FastifyRequest;
  const reply = {
    header: (name: string, value: string) => (sent[name] = value),
  } as unknown as FastifyReply;
  const set = (body: object, ifMatch?: string) =>
    sut.set(request(ifMatch), reply, 'iris', body as typeof CANARY & { guard?: never });

  it('shows what holds where none is set', async () => {
    expect(await sut.get(reply, 'iris')).toEqual({
      object: 'rollout',
      model: 'iris',
      revision: 0,
      is_set: false,
      stable: '2',
      canary: null,
      shadow: null,
      guard: null,
      report: null,
      history: [],
    });
    expect(sent).toEqual({ etag: '"0"' });
  });

  it('shows what was set, by whom, and what was before', async () => {
    await set({ stable: '2' });
    const view = await set(CANARY);
    expect(view).toMatchObject({ revision: 2, is_set: true, ...CANARY, shadow: null });
    const by = { event: 'set', by: 'ops', reason: null };
    const figures = [
      { version: '1', jobs: 20 },
      { version: '2', jobs: 0 },
    ];
    expect(view.report).toMatchObject({ versions: figures, shadow: null, guard: [] });
    expect(view.history).toMatchObject([
      { revision: 2, ...by, rollout: CANARY },
      { revision: 1, ...by, rollout: { stable: '2' } },
    ]);
    expect(sent).toEqual({ etag: '"2"' });
  });

  it('changes nothing where another revision holds than that of If-Match', async () => {
    await set(CANARY, '"0"');
    for (const again of [set({ stable: '2' }, '"0"'), sut.remove(request('"0"'), 'iris')]) {
      await expect(again).rejects.toMatchObject({ code: 'precondition-failed', status: 412 });
    }
    expect(changes).toHaveLength(1);
    await sut.remove(request('"1"'), 'iris');
    expect(changes[0]).toMatchObject({ event: 'removed', by: 'ops', rollout: null });
    expect(await sut.get(reply, 'iris')).toMatchObject({ revision: 2, is_set: false, stable: '2' });
  });

  it('refuses versions that cannot be served, and says which and why', async () => {
    const body = { stable: '9', canary: { version: '3', percent: 1 }, shadow: { version: '8' } };
    await expect(set(body)).rejects.toMatchObject({
      code: 'invalid-request',
      errors: [
        { pointer: '/stable', message: 'is no version of the model' },
        { pointer: '/canary/version', message: 'has failed: bad graph' },
        { pointer: '/shadow/version', message: 'is no version of the model' },
      ],
    });
    expect(changes).toEqual([]);
  });

  it('removes what is there, as often as it is asked, also of a model that has gone', async () => {
    await sut.remove(request(), 'iris');
    expect(changes).toEqual([]);
    await set(CANARY);
    present = false;
    await sut.remove(request(), 'iris');
    await sut.remove(request(), 'iris');
    expect(changes.map(({ event }) => event)).toEqual(['removed', 'set']);
    changes = [];
    await expect(sut.remove(request(), 'iris')).rejects.toMatchObject({ code: 'model-not-found' });
  });
});

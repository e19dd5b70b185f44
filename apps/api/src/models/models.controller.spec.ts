import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '#libs/config';
import type { ModelReport, Rollout, WorkerReport } from '#libs/contracts';
import type { FleetCommand, FleetStore, Rollouts } from '#libs/jobs';
import { ModelCatalog } from './model.catalog.js';
import { BodyLimits } from '../predict/body.limits.js';
import { VersionRouter } from './version.router.js';
import { ModelsController } from './models.controller.js';

const IRIS = {
  model: 'iris',
  versions: [
    {
      model: 'iris',
      version: '1',
      state: 'failed',
      reason: 'bad graph',
      input: { kind: 'tensor' },
      output: { kind: 'tensor' },
      batching: { max_batch_size: 1, max_queue_delay_ms: 0 },
      warm_instances: 0,
      memory_bytes: 0,
    },
  ],
} as unknown as ModelReport;

describe('load and unload', () => {
  let workers: WorkerReport[];
  let sent: FleetCommand[];
  let catalog: ModelCatalog;
  let rollout: Rollout | null;
  let sut: ModelsController;

  const config = loadConfig({ REDIS_URL: 'redis://x' });

  beforeEach(() => {
    workers = [{ id: 'w', models: [IRIS] } as unknown as WorkerReport];
    sent = [];
    rollout = null;
    const fleet = {
      read: () => Promise.resolve({ workers, lastCatalog: [IRIS] }),
      watch: () => Promise.resolve(() => undefined),
      command: (command: FleetCommand) => Promise.resolve(void sent.push(command)),
    } as unknown as FleetStore;
    catalog = new ModelCatalog(fleet);
    const rollouts = { get: () => ({ rollout }) } as unknown as Rollouts;
    const router = new VersionRouter(catalog, rollouts);
    sut = new ModelsController(catalog, router, rollouts, fleet, new BodyLimits(config, router));
  });

  afterEach(() => {
    catalog.onApplicationShutdown();
  });

  it.each(['load', 'unload'] as const)(
    'tells the workers to %s, also what has failed, as often as it is asked',
    async (type) => {
      await catalog.onApplicationBootstrap();
      const shown = { version: '1', state: 'failed', reason: 'bad graph', update: null };
      expect(await sut[type]('iris', '1')).toMatchObject(shown);
      expect(await sut[type]('iris', '1')).toMatchObject(shown);
      const command = { type, model: 'iris', version: '1' };
      expect(sent).toEqual([command, command]);
    },
  );

  it('takes what a rollout calls it for a version', async () => {
    await catalog.onApplicationBootstrap();
    rollout = { stable: '1' };
    await sut.unload('iris', 'stable');
    expect(sent).toEqual([{ type: 'unload', model: 'iris', version: '1' }]);
    await expect(sut.load('iris', 'canary')).rejects.toMatchObject({ code: 'version-not-found' });
  });

  it.each([
    ['rosa', '1', 'model-not-found'],
    ['iris', '2', 'version-not-found'],
  ])('refuses %s version %s', async (model, version, code) => {
    await catalog.onApplicationBootstrap();
    await expect(sut.load(model, version)).rejects.toMatchObject({ code });
    expect(sent).toEqual([]);
  });

  it('is not ready while no worker is alive', async () => {
    workers = [];
    await catalog.onApplicationBootstrap();
    const problem = { code: 'not-ready', status: 503, retryAfterS: 2 };
    await expect(sut.unload('iris', '1')).rejects.toMatchObject(problem);
    expect(sent).toEqual([]);
  });
});

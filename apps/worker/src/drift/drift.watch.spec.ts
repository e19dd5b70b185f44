import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplicationContext, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Registry } from 'prom-client';
import { ConfigModule, loadConfig } from '#libs/config';
import type { Counts, DriftBasis, DriftFeature, VersionReport } from '#libs/contracts';
import { DriftStore, JobsModule, Observations } from '#libs/jobs';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { DriftMetrics } from './drift.metrics.js';
import { DriftReferences, type WatchedVersion } from './drift.references.js';
import { DriftWatch } from './drift.watch.js';

@Module({})
class Root {}

const FEATURES: DriftFeature[] = [{ name: 'class', kind: 'class' }];
const REFERENCE: Counts = { rows: 200, 'class/a': 100, 'class/b': 100 };
const SHIFTED: Counts = { rows: 200, 'class/a': 190, 'class/b': 10 };
const LEVEL = 'foretell_drift_level{model="m",version="1"}';

describe('DriftWatch, in two workers', () => {
  let redis: TestRedis;
  let apps: INestApplicationContext[];
  let registries: Registry[];
  let computed: number;
  let told: [string, unknown][];

  beforeEach(async () => {
    computed = 0;
    told = [];
    redis = await startTestRedis();
    registries = [new Registry(), new Registry()];
    apps = await Promise.all(
      registries.map((registry) => {
        const config = loadConfig({ REDIS_URL: redis.url });
        const root = {
          module: Root,
          imports: [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })],
          providers: [
            DriftReferences,
            DriftWatch,
            { provide: DriftMetrics, useValue: new DriftMetrics(registry) },
          ],
        };
        return NestFactory.createApplicationContext(root, { logger: false });
      }),
    );
    for (const level of ['log', 'warn', 'error'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation((line: unknown) => {
        told.push([level, line]);
      });
    }
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await redis.stop();
    await Promise.all(apps.map((app) => app.close()));
  });

  /** The version as each worker has it. @param profile what running its reference gives. */
  function load(profile: Counts | null, about: Partial<DriftBasis> = {}): void {
    const drift = {
      ...{ window_s: 3600, min_samples: 100, warn_psi: 0.1, alert_psi: 0.25 },
      low_confidence: 0.5,
    };
    const report = { model: 'm', version: '1', sha256: 'x', drift } as unknown as VersionReport;
    const reference = { digest: 'd', rows: 200 };
    const watched: WatchedVersion = {
      report,
      drift: { features: FEATURES, reference, ...about },
      profile: () => {
        computed++;
        return Promise.resolve({ counts: profile, reason: profile ? '' : 'it failed' });
      },
    };
    for (const app of apps) app.get(DriftWatch).loaded(watched);
  }

  function appOf(worker: number): INestApplicationContext {
    const app = apps[worker];
    if (!app) throw new Error('no such worker');
    return app;
  }

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await delay(5);
  }

  const store = (): DriftStore => appOf(0).get(DriftStore);
  const hasReference = async () => (await store().read('m', '1')).heldOut !== undefined;

  async function observe(counts: Counts): Promise<void> {
    await Promise.all(
      apps.map(async (app) => {
        app.get(DriftWatch).observed('m', '1', counts);
        await app.get(Observations).flush();
      }),
    );
  }

  async function levelIs(level: number): Promise<boolean> {
    const texts = await Promise.all(registries.map((registry) => registry.metrics()));
    return texts.every((text) => text.includes(`${LEVEL} ${String(level)}\n`));
  }

  it('computes a reference once', async () => {
    load(REFERENCE);
    await until(hasReference);
    load(REFERENCE);
    await observe(REFERENCE);
    await until(() => levelIs(0));
    expect(computed).toBe(1);
    expect(told).toEqual([['log', { model: 'm', version: '1', instances: 200 }]]);
  });

  it('tells once that a level was crossed upwards, and once downwards', async () => {
    load(REFERENCE);
    await until(hasReference);
    told.length = 0;
    await observe(SHIFTED);
    // The line comes after what the metrics tell, when this one has written the level down.
    await until(async () => (await levelIs(2)) && told.length > 0);
    const line = { model: 'm', version: '1', feature: 'class', drift: 'alert', from: 'ok' };
    expect(told).toEqual([['error', expect.objectContaining(line)]]);

    await store().pin('m', '1', { kind: 'pinned', counts: SHIFTED, at: '' });
    load(REFERENCE);
    await observe({ rows: 1, 'class/a': 1 });
    await until(() => levelIs(0));
    await until(async () => (await store().read('m', '1')).level === 'ok' && told.length > 1);
    expect(told.slice(1)).toEqual([
      ['log', expect.objectContaining({ drift: 'ok', from: 'alert' })],
    ]);
  });

  it('says nothing of too few instances', async () => {
    load(REFERENCE);
    await until(hasReference);
    await observe({ rows: 40, 'class/a': 40 });
    await until(() => levelIs(0));
    expect((await store().read('m', '1')).level).toBe('ok');
    for (const registry of registries) {
      expect(await registry.metrics()).not.toContain('foretell_drift_psi{');
    }
    expect(told.filter(([level]) => level !== 'log')).toEqual([]);
  });

  it('tells why a reference is not used', async () => {
    load(null);
    await until(async () => (await store().read('m', '1')).basis?.reason === 'it failed');
    expect((await store().read('m', '1')).heldOut).toBeUndefined();
    expect(told).toEqual([['warn', { model: 'm', version: '1', reason: 'it failed' }]]);
  });

  it('forgets a reference of another file', async () => {
    load(REFERENCE);
    await until(hasReference);
    load(REFERENCE, { reference: { digest: 'another', rows: 200 } });
    await until(() => Promise.resolve(computed === 2));
    await until(hasReference);
  });
});

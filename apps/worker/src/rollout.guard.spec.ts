import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Registry } from 'prom-client';
import { ConfigModule, loadConfig } from '#libs/config';
import type { Guard, ModelReport, RolloutChange } from '#libs/contracts';
import { FleetStore, JobsModule, Observations, Rollouts } from '#libs/jobs';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { FleetReporter } from './fleet.reporter.js';
import { type FailureOf, RolloutGuard } from './rollout.guard.js';
import { WorkerMetrics } from './worker.metrics.js';

@Module({})
class Root {}

describe('RolloutGuard', () => {
  let redis: TestRedis;
  let workers: { app: INestApplicationContext; registry: Registry }[];

  beforeEach(async () => {
    redis = await startTestRedis();
    workers = await Promise.all([startWorker(), startWorker()]);
  });

  /** In this order: see TestWorker. */
  afterEach(async () => {
    await redis.stop();
    for (const { app } of workers) await app.close();
  });

  async function startWorker() {
    const registry = new Registry();
    const config = loadConfig({ REDIS_URL: redis.url });
    const root = {
      module: Root,
      imports: [ConfigModule.forRoot(config), JobsModule.forRoot({ failFast: false })],
      providers: [
        FleetReporter,
        RolloutGuard,
        { provide: WorkerMetrics, useValue: new WorkerMetrics(registry) },
      ],
    };
    const app = await NestFactory.createApplicationContext(root, { logger: false });
    await app.get(Rollouts).open();
    return { app, registry };
  }

  function part<T>(worker: number, type: new (...args: never[]) => T): T {
    const found = workers[worker]?.app.get(type);
    if (!found) throw new Error('no such worker');
    return found;
  }

  function watch(failureOf: FailureOf = () => undefined): void {
    for (const worker of [0, 1]) part(worker, RolloutGuard).watch(failureOf);
  }

  async function set(guard: Guard): Promise<void> {
    await part(0, Rollouts).change('iris', {
      event: 'set',
      at: new Date().toISOString(),
      by: 'ops',
      rollout: { stable: '1', canary: { version: '2', percent: 10 }, guard },
    });
    // What a worker writes counts for the rollout that it knows of.
    await until(() => part(1, Rollouts).get('iris')?.revision === 1);
  }

  async function ended(): Promise<RolloutChange | undefined> {
    const rollouts = part(0, Rollouts);
    await until(() => rollouts.get('iris')?.event !== 'set');
    return rollouts.get('iris');
  }

  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise(setImmediate);
  }

  async function count(worker: number, failed: number): Promise<void> {
    part(worker, Observations).add('iris', '2', { 'jobs/failed': failed });
    await part(worker, Observations).flush();
  }

  async function endings(): Promise<string[]> {
    const texts = await Promise.all(workers.map(({ registry }) => registry.metrics()));
    const lines = texts.join('\n').split('\n');
    return lines.filter((line) => line.startsWith('foretell_rollouts_total{'));
  }

  it('rolls back by what all workers together have counted, and once', async () => {
    watch();
    await set({ min_samples: 20, max_error_rate: 0.1 });
    await count(0, 19);
    expect(part(0, Rollouts).get('iris')?.event).toBe('set');
    await Promise.all([count(0, 1), count(1, 1)]);
    expect(await ended()).toMatchObject({
      event: 'rolled-back',
      by: 'guard',
      rollout: { stable: '1' },
    });
    expect(await part(0, Rollouts).log('iris')).toHaveLength(2);
    expect(await endings()).toEqual([
      'foretell_rollouts_total{model="iris",event="rolled-back"} 1',
    ]);
  });

  it('promotes once it is time, though no job comes any more', async () => {
    watch();
    await set({ min_samples: 1, max_error_rate: 1, promote_after_s: 0.5 });
    await count(0, 1);
    expect(await ended()).toMatchObject({ event: 'promoted', rollout: { stable: '2' } });
    expect(await part(0, Rollouts).log('iris')).toHaveLength(2);
  });

  it('rolls back a canary that cannot be served, before it has had a job', async () => {
    watch((model, version) => `${model} ${version} is broken`);
    await set({ min_samples: 20, max_error_rate: 0.1 });
    expect(await ended()).toMatchObject({ event: 'rolled-back', reason: 'iris 2 is broken' });
  });

  it('lets it be while another worker can serve it', async () => {
    const versions = [{ version: '2', state: 'ready' }] as ModelReport['versions'];
    await part(0, FleetStore).announce(
      {
        ...{ id: 'other', host: '', pid: 1, app_version: '', started_at: '' },
        execution_providers: [],
        models: [{ model: 'iris', versions }],
      },
      true,
    );
    let asked = 0;
    watch(() => `asked ${String(++asked)} times`);
    await set({ min_samples: 20, max_error_rate: 0.1 });
    // Each tick asks twice: whether to look, and then why.
    await until(() => asked > 4);
    expect(part(0, Rollouts).get('iris')?.event).toBe('set');
  });
});

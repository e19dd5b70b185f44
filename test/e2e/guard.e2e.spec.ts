import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView, Rollout, RolloutChange, RolloutReport } from '#libs/contracts';
import type { Client } from './support/client.js';
import { Installation, type LogLine } from './support/installation.js';
import { modelsDir, writeModel } from './support/models.js';

const CLASSES = `
output: { kind: classification, activation: none, labels: [low, high] }
`;
/** Of which the second version makes what is no number any more. */
const LARGE = [1e30, 1];
const SMALL = [0, 0];
/** Jobs that are under way together. */
const AT_ONCE = 10;
const MAX_ROUNDS = 300;

interface RolloutView extends Rollout {
  revision: number;
  history: RolloutChange[];
  report: RolloutReport | null;
}

describe('the guard of a rollout, over two workers', () => {
  let foretell: Installation;
  let client: Client;

  beforeAll(async () => {
    const dir = await modelsDir();
    await writeModel(path.join(dir, 'failing'), { 1: {}, 2: { op: 'Pow' } }, CLASSES);
    await writeModel(path.join(dir, 'slower'), { 1: {}, 2: { steps: 4000 } });
    await writeModel(path.join(dir, 'differing'), { 1: {}, 2: { op: 'Sub' } }, CLASSES);
    await writeModel(path.join(dir, 'drifting'), { 1: {}, 2: { op: 'Sub' } }, CLASSES);
    await writeModel(path.join(dir, 'sound'), { 1: {}, 2: {} }, CLASSES);
    foretell = await Installation.start({ MODELS_DIR: dir }, ['api', 'worker', 'worker']);
    ({ client } = foretell);
  });

  afterAll(async () => {
    await foretell.stop();
  });

  async function set(model: string, rollout: object): Promise<void> {
    const { status, body } = await client.put(`/v1/models/${model}/rollout`, rollout);
    expect([status, body]).toEqual([200, expect.anything()]);
  }

  async function see(model: string): Promise<RolloutView> {
    return (await client.get<RolloutView>(`/v1/models/${model}/rollout`)).body;
  }

  /** Sends jobs until the rollout is another one. @returns those that ran with version 2. */
  async function useUntilChanged(model: string, input: number[]): Promise<JobView[]> {
    const { revision } = await see(model);
    const canary: JobView[] = [];
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const submitted = Array.from({ length: AT_ONCE }, () => client.submit(model, { input }));
      const jobs = await Promise.all(submitted);
      const ended = await Promise.all(jobs.map((job) => client.ended(job)));
      canary.push(...ended.filter(({ version }) => version === '2'));
      if ((await see(model)).revision !== revision) return canary;
    }
    throw new Error(`${model} has still its rollout: ${JSON.stringify(await see(model))}`);
  }

  it.each([
    ['failing', LARGE, { max_error_rate: 0.1 }, {}, 'max_error_rate: 1 of'],
    ['slower', SMALL, { max_p95_ratio: 3 }, {}, 'max_p95_ratio: '],
    ['drifting', SMALL, { max_drift_psi: 0.25 }, {}, 'max_drift_psi: '],
    [
      'differing',
      SMALL,
      { max_disagreement: 0.1 },
      { shadow: { version: '2', percent: 100 } },
      'max_disagreement: 1 of',
    ],
  ])('rolls back a version that is %s, once, and soon', async (model, input, guard, more, why) => {
    await set(model, {
      stable: '1',
      canary: { version: '2', percent: 50 },
      guard: { min_samples: 20, ...guard },
      ...more,
    });
    const shadowed = (line: LogLine) => line.msg === 'shadow ready' && line['model'] === model;
    if ('shadow' in more) {
      const workers = foretell.apps.filter(({ name }) => name === 'worker');
      await Promise.all(workers.map((worker) => worker.line(shadowed)));
    }
    const canary = await useUntilChanged(model, input);
    const { stable, canary: left, history } = await see(model);
    expect([stable, left]).toEqual(['1', null]);
    expect(history.map(({ event, by }) => [event, by])).toEqual([
      ['rolled-back', 'guard'],
      ['set', ''],
    ]);
    expect(history[0]?.reason).toContain(why);
    const job = await client.predict(model, { input });
    expect(job).toMatchObject({ status: 'succeeded', version: '1', version_reason: 'stable' });
    console.log(`${model}: back after ${canary.length} jobs of the canary (${history[0]?.reason})`);
    // As many as it takes to be sure, and those that came before the counts were looked at.
    expect(canary.length).toBeLessThan(1000);
    const isTold = (line: LogLine) => line.msg === 'canary rolled back' && line['model'] === model;
    await Promise.any(foretell.apps.map((app) => app.line(isTold)));
    const told = foretell.apps.flatMap(({ log }) => log.filter(isTold));
    expect(told).toHaveLength(1);
  });

  it('promotes a version that has kept its conditions for the time that was set, once', async () => {
    await set('sound', {
      stable: '1',
      canary: { version: '2', percent: 50 },
      guard: { min_samples: 20, max_error_rate: 0.05, promote_after_s: 1 },
    });
    await useUntilChanged('sound', SMALL);
    const { stable, history, report } = await see('sound');
    expect(stable).toBe('2');
    expect(history.map(({ event, by }) => [event, by])).toEqual([
      ['promoted', 'guard'],
      ['set', ''],
    ]);
    const kept = Date.parse(history[0]?.at ?? '') - Date.parse(history[1]?.at ?? '');
    expect(kept).toBeGreaterThanOrEqual(1000);
    expect(report).toMatchObject({ versions: [{ version: '2' }], guard: [] });
    const job = await client.predict('sound', { input: SMALL });
    expect(job).toMatchObject({ version: '2', version_reason: 'stable' });
  });
});

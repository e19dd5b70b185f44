import { describe, expect, it, jest } from '@jest/globals';
import type { Priority, RolloutChange } from '#libs/contracts';
import type { PredictConsumer, Rollouts, TakenJob } from '#libs/jobs';
import type { StoredModel, StoredVersion } from '#libs/models';
import { HostedModel } from '../hosted.model.js';
import type { ServedVersion } from '../served.version.js';
import { StepModels } from './step.models.js';

type Take = (job: TakenJob) => Promise<void>;

/** A model with these versions. @param failed those that cannot be loaded. */
async function hosted(
  model: string,
  versions: string[],
  {
    failed = [] as string[],
    pipeline = false,
    defaultVersion = undefined as string | undefined,
  } = {},
): Promise<{ model: HostedModel; take: Take }> {
  const stored = {
    model,
    defaultVersion,
    versions: versions.map((version) => ({
      description: { model, version, ...(pipeline && { pipeline: {} }) },
    })),
  } as unknown as StoredModel;
  let handle: Take = () => Promise.resolve();
  const served = new HostedModel(stored, {
    newServer: ({ description: { version } }: StoredVersion) =>
      ({
        start: () => Promise.resolve(),
        hasFailed: failed.includes(version),
        content: failed.includes(version) ? undefined : version,
        report: { version, batching: {} },
      }) as unknown as ServedVersion,
    nextTurn: () => Promise.resolve(undefined),
    hasJobsFrom: () => Promise.resolve(false),
    openConsumer: (_model, _concurrency, take) => {
      handle = take;
      return {} as PredictConsumer;
    },
    handle: () => Promise.resolve(),
  });
  await served.update(stored);
  served.takeJobs();
  return { model: served, take: (job) => handle(job) };
}

async function modelsOf(about: Parameters<typeof hosted>[], stable?: string): Promise<StepModels> {
  const all = await Promise.all(about.map(async (each) => (await hosted(...each)).model));
  const change = { rollout: { stable } } as RolloutChange;
  const get = jest.fn(() => (stable === undefined ? undefined : change));
  return new StepModels(new Map(all.map((model) => [model.name, model])), {
    get,
  } as unknown as Rollouts);
}

function versionOf(models: StepModels, version?: string): unknown {
  const found = models.find({ model: 'iris', version, parameters: {} });
  return typeof found === 'string' ? found : found.server.report.version;
}

describe('StepModels', () => {
  it('finds the version that a step names', async () => {
    const models = await modelsOf([['iris', ['1', '2']]]);
    expect(versionOf(models, '1')).toBe('1');
    expect(versionOf(models, '3')).toBe('there is no version 3 of iris');
    expect(models.find({ model: 'rose', parameters: {} })).toBe('there is no model rose');
  });

  it('finds the one that what names no version goes to', async () => {
    expect(versionOf(await modelsOf([['iris', ['2', '10']]]))).toBe('10');
    expect(versionOf(await modelsOf([['iris', ['2', '10'], { failed: ['10'] }]]))).toBe('2');
    expect(versionOf(await modelsOf([['iris', ['1', '2'], { defaultVersion: '1' }]]))).toBe('1');
    expect(versionOf(await modelsOf([['iris', ['1', '2']]], '1'))).toBe('1');
  });

  it('takes no pipeline for a model', async () => {
    const models = await modelsOf([['iris', ['1'], { pipeline: true }]]);
    expect(versionOf(models)).toBe('iris is a pipeline, and a step must be a model');
  });

  it.each<[Priority, Priority, number]>([
    ['normal', 'normal', 40],
    ['normal', 'high', 39],
    ['normal', 'low', 168],
    ['high', 'normal', 41],
    ['low', 'high', -89],
  ])('after a job of priority %s, what has %s joins at turn %d', async (of, priority, turn) => {
    const { model, take } = await hosted('iris', ['1']);
    await take({ message: { turn: 40, priority: of } } as TakenJob);
    expect(model.turnFor(priority)).toBe(turn);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { WorkerReport } from '#libs/contracts';
import {
  type FleetStore,
  type JobIndex,
  type JobRecord,
  type JobSpec,
  queuedRecord,
} from '#libs/jobs';
import { ModelCatalog } from '../models/model.catalog.js';
import { QueuePlaces } from './queue.places.js';

const QUEUED = queuedRecord({ id: 'job_1', model: 'iris' } as JobSpec);

/** A worker that ends so many jobs of each model in a second. */
function worker(jobsPerS: Record<string, number | undefined>): WorkerReport {
  const models = Object.entries(jobsPerS).map(([model, jobs_per_s]) => ({
    model,
    versions: [],
    jobs_per_s,
  }));
  return { id: 'w', models } as unknown as WorkerReport;
}

async function placeOf(record: JobRecord, position: number | null, workers: WorkerReport[]) {
  const fleet = {
    read: () => Promise.resolve({ workers, lastCatalog: [] }),
    watch: () => Promise.resolve(() => undefined),
  } as unknown as FleetStore;
  const catalog = new ModelCatalog(fleet);
  await catalog.onApplicationBootstrap();
  catalog.onApplicationShutdown();
  const index = { position: () => Promise.resolve(position) } as unknown as JobIndex;
  return new QueuePlaces(index, catalog).of(record);
}

describe('the place of a job in its queue', () => {
  it('is worked off by all workers that serve its model', async () => {
    const workers = [
      worker({ iris: 30, digits: 500 }),
      worker({ digits: 500 }),
      worker({ iris: 10 }),
    ];
    expect(await placeOf(QUEUED, 100, workers)).toEqual({ position: 100, eta_ms: 2500 });
  });

  it.each([
    ['no worker is alive', []],
    ['none has ended a job yet', [worker({ iris: undefined })]],
    ['none serves its model', [worker({ digits: 500 })]],
  ])('says nothing of time while %s', async (_, workers) => {
    expect(await placeOf(QUEUED, 1, workers)).toEqual({ position: 1, eta_ms: null });
  });

  it('is nowhere once it is started', async () => {
    expect(await placeOf({ ...QUEUED, status: 'running' }, 1, [])).toBeNull();
    expect(await placeOf(QUEUED, null, [])).toBeNull();
  });
});

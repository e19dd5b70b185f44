import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '#libs/config';
import type { QueuedJobs, RedisHealth, RedisMemory, Submitter } from '#libs/jobs';
import { codeOf, problemOf } from '#libs/testing';
import type { ApiMetrics } from '../api.metrics.js';
import type { ModelCatalog } from '../models/model.catalog.js';
import { Admission } from './admission.js';
import { BackPressure } from './back.pressure.js';
import { Refusals } from './refusals.js';

const MIB = 2 ** 20;

interface Load {
  depth?: number;
  jobsPerS?: number;
  memory?: RedisMemory;
}

/** After the first look at an installation with one model. */
async function lookAt(env: NodeJS.ProcessEnv, load: Load) {
  const { depth = 0, jobsPerS = 0, memory = { usedBytes: MIB, maxBytes: 0 } } = load;
  const config = loadConfig({ REDIS_URL: 'redis://x', ...env });
  const depths = new Map<string, number>();
  const catalog = { list: () => [{ name: 'iris' }], jobsPerS: () => jobsPerS } as unknown;
  const refused: string[] = [];
  let looked: () => void = () => undefined;
  const look = new Promise<void>((resolve) => (looked = resolve));
  const metrics = {
    refused: (code: string) => refused.push(code),
    loadIs: () => {
      looked();
    },
  } as unknown as ApiMetrics;
  const refusals = new Refusals(metrics);
  const queued = { depths: () => Promise.resolve(new Map([['iris', depth]])) };
  const sut = new BackPressure(
    config,
    { memory: () => Promise.resolve(memory) } as RedisHealth,
    queued as unknown as QueuedJobs,
    { depths } as unknown as Submitter,
    catalog as ModelCatalog,
    refusals,
    metrics,
  );
  sut.onApplicationBootstrap();
  await look;
  sut.onApplicationShutdown();
  const admission = new Admission(config, {} as QueuedJobs, catalog as ModelCatalog, sut, refusals);
  return { sut, depths, refused, admission };
}

describe('BackPressure', () => {
  it('lets everything in where no limit is set', async () => {
    const { sut } = await lookAt({}, { depth: 1e6, jobsPerS: 0.001 });
    sut.check();
    sut.check('iris');
    expect(sut.overloads()).toEqual([]);
  });

  it('refuses where a queue is full, until there is room as far as it can tell', async () => {
    const { sut, depths, refused } = await lookAt(
      { MAX_QUEUE_DEPTH: '100' },
      { depth: 199, jobsPerS: 10 },
    );
    const problem = problemOf(() => {
      sut.check('iris');
    });
    expect(problem).toMatchObject({ code: 'overloaded', status: 503, retryAfterS: 10 });
    expect(refused).toEqual(['overloaded']);
    expect(sut.overloads()).toMatchObject([{ reason: 'queue-depth', model: 'iris' }]);
    sut.check();
    sut.check('wine');
    depths.set('iris', 99);
    sut.check('iris');
  });

  it('refuses where a job would wait for too long, and not where nobody knows', async () => {
    const env = { MAX_ESTIMATED_WAIT_S: '30' };
    const { sut } = await lookAt(env, { depth: 1000, jobsPerS: 10 });
    expect(problemOf(() => sut.check('iris'))).toMatchObject({
      code: 'overloaded',
      retryAfterS: 60,
    });
    expect(sut.overloads()).toMatchObject([{ reason: 'estimated-wait' }]);
    (await lookAt(env, { depth: 300, jobsPerS: 10 })).sut.check('iris');
    (await lookAt(env, { depth: 1000 })).sut.check('iris');
  });

  it.each([
    [{}, 90, true],
    [{}, 91, false],
    [{ MAX_REDIS_MEMORY_PERCENT: '50' }, 51, false],
    [{ MAX_REDIS_MEMORY_PERCENT: '0' }, 100, true],
  ])('with %p and %p of 100 MiB in Redis accepts jobs: %p', async (env, used, accepts) => {
    const memory = { usedBytes: used * MIB, maxBytes: 100 * MIB };
    const { sut } = await lookAt(env, { memory });
    if (accepts) sut.check('iris');
    else expect(codeOf(() => sut.check())).toBe('overloaded');
    expect(sut.overloads()).toHaveLength(accepts ? 0 : 1);
  });
});

describe('Admission', () => {
  it('holds a submission to what others of its caller leave', async () => {
    const { admission } = await lookAt({ MAX_QUEUED_JOBS: '10' }, {});
    const counts = new Map([
      ['iris', 3],
      ['wine', 5],
    ]);
    expect(admission.admit(counts, 'iris')).toMatchObject({ most: 5, room: 2 });
    expect(admission.admit(counts, 'new')).toMatchObject({ most: 2, room: 2 });
    expect(admission.admit(null, 'iris')).toBeUndefined();
    counts.set('wine', 7);
    expect(codeOf(() => admission.admit(counts, 'iris'))).toBe('too-many-queued');
    expect(codeOf(() => admission.checkEarly(counts, undefined))).toBe('too-many-queued');
  });

  it('tells who has too many to come back when some are likely to have been started', async () => {
    const { admission } = await lookAt({ MAX_QUEUED_JOBS: '1' }, { depth: 70, jobsPerS: 10 });
    const retryAfter = (model?: string) =>
      problemOf(() => admission.checkEarly(new Map([['iris', 1]]), model)).retryAfterS;
    expect([retryAfter('iris'), retryAfter()]).toEqual([7, 5]);
  });
});

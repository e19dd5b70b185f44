import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type JobView, PRIORITIES } from '#libs/contracts';
import { Installation } from './support/installation.js';
import { copyModel, heldOut, modelsDir } from './support/models.js';

const tokens = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, i) => (i * 7 + seed * 13) % 10);

describe('batching', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir('iris', 'digits', 'fixture:variable_length');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      'batching: { max_batch_size: 4, max_queue_delay_ms: 0 }\n',
    );
    foretell = await Installation.start({ MODELS_DIR: dir });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('never changes an answer: any mix of jobs gives what each instance gives alone', async () => {
    const { client } = foretell;
    const iris = await heldOut('iris');
    const digits = await heldOut('digits');
    const pools: Record<string, unknown[]> = {
      iris: iris.rows.slice(0, 12).map(({ input }) => input),
      digits: digits.rows.slice(0, 6).map(({ input }) => input),
      variable_length: [1, 2, 3, 5, 8, 3, 2].map((length, seed) => tokens(length, seed)),
    };
    const alone = new Map<string, unknown[]>();
    for (const [model, pool] of Object.entries(pools)) {
      const answers: unknown[] = [];
      for (const input of pool) answers.push((await client.predict(model, { input })).output);
      alone.set(model, answers);
    }
    const job = fc.record({
      model: fc.constantFrom(...Object.keys(pools)),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 150 }),
      single: fc.boolean(),
      priority: fc.constantFrom(...PRIORITIES),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 60 }), async (jobs) => {
        const ended = await Promise.all(
          jobs.map(async ({ model, picks, single, priority }) => {
            const pool = pools[model] ?? [];
            const which = picks.slice(0, single ? 1 : undefined).map((pick) => pick % pool.length);
            const inputs = which.map((i) => pool[i]);
            const body = single ? { input: inputs[0] } : { inputs };
            const view = await client.predict(model, { ...body, priority });
            return { view, single, expected: which.map((i) => alone.get(model)?.[i]) };
          }),
        );
        for (const { view, single, expected } of ended) {
          expect(view.status).toBe('succeeded');
          expectClose(single ? [view.output] : view.outputs, expected);
        }
      }),
      { numRuns: 8 },
    );
  });

  it('cuts a job that is larger than a batch, and puts its outputs together in order', async () => {
    const { client } = foretell;
    const lengths = Array.from({ length: 1000 }, (_, i) => tokens(1 + (i % 5), i));
    const split = await client.predict('variable_length', { inputs: lengths });
    expect(split).toMatchObject({ status: 'succeeded', progress: { done: 1000, total: 1000 } });
    expect(split.batch_size).toBeLessThanOrEqual(64);
    for (const i of [0, 1, 63, 64, 65, 500, 999]) {
      expect(split.outputs?.[i]).toEqual(
        (await client.predict('variable_length', { input: lengths[i] })).output,
      );
    }
  });

  it('lets a small job share a batch with a part of a large one, instead of waiting for its end', async () => {
    const { client } = foretell;
    const big = await client.submit('slow', { inputs: Array.from({ length: 60 }, () => [1000]) });
    await client.running(big);
    const small = await client.predict('slow', { input: [1] });
    expect(small.batch_size).toBeGreaterThan(1);
    const end = await client.ended(big);
    expect(end).toMatchObject({ status: 'succeeded', batch_size: 4 });
    expect(at(small)).toBeLessThan(at(end));
  });

  it('runs a high job before normal ones that were there first, and those before low ones', async () => {
    const { client } = foretell;
    // As many batches as a runner holds.
    const inputs = Array.from({ length: 8 }, () => [20_000]);
    await client.running(await client.submit('slow', { inputs }));
    const order = ['low', 'normal', 'high'];
    const jobs: JobView[] = [];
    // Longer than a batch of the slow model, so that each of the three fills one by itself.
    for (const priority of order) {
      const own = Array.from({ length: 4 }, () => [2000]);
      jobs.push(await client.submit('slow', { inputs: own, priority }));
    }
    const [low, normal, high] = await Promise.all(jobs.map((job) => client.ended(job)));
    if (!low || !normal || !high) throw new Error('three jobs were sent');
    expect(at(high)).toBeLessThan(at(normal));
    expect(at(normal)).toBeLessThan(at(low));
  });

  it('ends as expired what a runner could not take in time, without running it', async () => {
    const { client } = foretell;
    const inputs = Array.from({ length: 8 }, () => [20_000]);
    // As many batches as a runner holds, and before anything else.
    const busy = await client.submit('slow', { inputs, priority: 'high' });
    await client.running(busy);
    const late = await client.submit('slow', { input: [1], queue_timeout_s: 0.2 });
    expect(await client.ended(late)).toMatchObject({
      status: 'expired',
      output: null,
      error: { code: 'queue-timeout', retryable: true },
    });
    expect((await client.ended(busy)).status).toBe('succeeded');
  });
});

function at({ ended_at }: JobView): number {
  return Date.parse(ended_at ?? '');
}

/** Equal, but for the last bits of floats: another batch size may add up in another order. */
function expectClose(actual: unknown, expected: unknown): void {
  if (typeof expected === 'number') {
    const tolerance = 1e-5 * Math.max(1, Math.abs(expected));
    expect(Math.abs((actual as number) - expected)).toBeLessThanOrEqual(tolerance);
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object)).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected)) {
      expectClose((actual as Record<string, unknown>)[key], value);
    }
  } else expect(actual).toEqual(expected);
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { Installation } from './support/installation.js';
import { heldOut } from './support/models.js';

const MODELS = ['iris', 'digits', 'diabetes'] as const;
const JOBS = 500;
const TOLERANCE = 1e-5;

/** The numbers of an output, in a fixed order, so that two outputs can be compared. */
function numbers(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbers) : [];
}

describe('500 mixed submissions at once', () => {
  let foretell: Installation;

  beforeAll(async () => {
    foretell = await Installation.start({ LOG_LEVEL: 'warn' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('all come out right, in shared batches, as if each had been alone', async () => {
    const rows = await Promise.all(MODELS.map(async (model) => (await heldOut(model)).rows));
    const mix = Array.from({ length: JOBS }, (_, i) => {
      const kind = i % MODELS.length;
      const of = rows[kind] ?? [];
      return { model: MODELS[kind] ?? 'iris', input: of[i % of.length]?.input };
    });

    const accepted = await Promise.all(
      mix.map(({ model, input }) => foretell.client.submit(model, { input })),
    );
    const together = await Promise.all(accepted.map((job) => foretell.client.ended(job)));

    const shared = together.filter(({ batch_size }) => (batch_size ?? 0) > 1);
    expect(together.every(({ status }) => status === 'succeeded')).toBe(true);
    expect(new Set(together.map(({ id }) => id)).size).toBe(JOBS);
    expect(new Set(shared.map(({ model }) => model))).toEqual(new Set(MODELS));

    const solo = new Map<string, JobView>();
    for (const [i, job] of together.entries()) {
      const key = JSON.stringify(mix[i]);
      const alone =
        solo.get(key) ?? (await foretell.client.predict(job.model, { input: mix[i]?.input }));
      solo.set(key, alone);
      expect(alone.batch_size).toBe(1);
      const expected = numbers(alone.output);
      numbers(job.output).forEach((number, k) => {
        expect(Math.abs(number - (expected[k] ?? NaN))).toBeLessThanOrEqual(TOLERANCE);
      });
      expect((job.output as { label?: string }).label).toBe(
        (alone.output as { label?: string }).label,
      );
    }
  });
});

describe('every held-out row over HTTP', () => {
  let foretell: Installation;

  beforeAll(async () => {
    foretell = await Installation.start({ LOG_LEVEL: 'warn' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each(MODELS)('gives %s the score on its card', async (model) => {
    const { rows, versions, metric } = await heldOut(model);
    for (const [version, { value }] of Object.entries(versions)) {
      const jobs = await Promise.all(
        rows.map(({ input }) =>
          foretell.client.post<JobView>('/predict', { model, version, input }),
        ),
      );
      const ended = await Promise.all(jobs.map(({ body }) => foretell.client.ended(body)));
      const outputs = ended.map(({ output }) => output as { label?: string; value?: number });
      const expected = rows.map((row) => row.expected);
      const score =
        metric === 'accuracy'
          ? outputs.filter(({ label }, i) => label === expected[i]).length / rows.length
          : r2(
              outputs.map((o) => o.value ?? NaN),
              expected.map(Number),
            );
      expect(score).toBeCloseTo(value, 3);
      if (model === 'digits') expect(score).toBeGreaterThanOrEqual(0.97);

      const page = await foretell.client.get<{ versions: { version: string; held_out: object }[] }>(
        `/v1/models/${model}`,
      );
      const onCard = page.body.versions.find((v) => v.version === version)?.held_out;
      expect(onCard).toMatchObject({ metric, value, rows: rows.length });
    }
  });
});

function r2(predicted: number[], actual: number[]): number {
  const mean = actual.reduce((sum, y) => sum + y, 0) / actual.length;
  const residual = actual.reduce((sum, y, i) => sum + (y - (predicted[i] ?? NaN)) ** 2, 0);
  return 1 - residual / actual.reduce((sum, y) => sum + (y - mean) ** 2, 0);
}

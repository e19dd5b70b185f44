import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/models');

/** Of the lengths 1 to 9, each several times, in no order. */
const INSTANCES = Array.from({ length: 40 }, (_, i) =>
  Array.from({ length: 1 + ((i * 7) % 9) }, (_value, k) => ((i * 5 + k * 3) % 11) - 5),
);

/** A fixture under another name, with a manifest. */
async function variant(dir: string, name: string, fixture: string, manifest: string) {
  await mkdir(path.join(dir, name));
  await cp(path.join(FIXTURES, fixture, '1'), path.join(dir, name, '1'), { recursive: true });
  await writeFile(path.join(dir, name, 'model.yaml'), manifest);
}

/** The graph computes in float32: its mean is not ours to the last place. */
function expectedOf(x: number[]) {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  return { mean: expect.closeTo(mean, 5) as unknown, double: x.map((value) => 2 * value) };
}

describe('models whose instances differ in shape', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir('fixture:variable_length', 'fixture:fixed_rows');
    const padding = 'mask: mask, value: 100';
    await variant(dir, 'longest', 'masked_mean', `batching: { padding: { ${padding} } }`);
    await variant(
      dir,
      'buckets',
      'masked_mean',
      `batching: { padding: { ${padding}, buckets: [2, 8] } }`,
    );
    await variant(dir, 'whole', 'fixed_rows', 'batching: { max_batch_size: 0 }');
    await variant(dir, 'two_of_four', 'fixed_rows', 'batching: { max_batch_size: 2 }');
    await variant(dir, 'no_mask', 'masked_mean', 'batching: { padding: { mask: weights } }');
    await variant(dir, 'no_length', 'two_inputs', 'batching: { padding: {} }');
    foretell = await Installation.start({ MODELS_DIR: dir });
    await foretell.client.untilSettled();
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each(['longest', 'buckets'])(
    'are filled up to share runs, which no answer shows: %s',
    async (model) => {
      const together = await foretell.client.predict(model, { inputs: INSTANCES });
      expect(together.error).toBeNull();
      expect(together.outputs).toEqual(INSTANCES.map(expectedOf));
      // Of one length there are at most 5.
      expect(together.batch_size).toBeGreaterThan(5);

      const jobs = await Promise.all(
        INSTANCES.map((input) => foretell.client.predict(model, { input })),
      );
      expect(jobs.map(({ output }) => output)).toEqual(INSTANCES.map(expectedOf));
    },
  );

  it('are filled up to the longest of all of a job, unless buckets keep them apart', async () => {
    const inputs = [[1], [2, 3], [4, 5, 6]];
    const sizeOf = async (model: string, instances: unknown[]) =>
      (await foretell.client.predict(model, { inputs: instances })).batch_size;
    expect(await sizeOf('longest', inputs)).toBe(3);
    expect(await sizeOf('buckets', inputs)).toBe(2);
  });

  it('are asked for without the mask, which is made from them', async () => {
    const x = { type: 'array' };
    const { body } = await foretell.client.get('/v1/models/longest');
    expect(JSON.stringify(body)).toContain('"x"');
    expect(body).toMatchObject({
      versions: [{ input_schema: { anyOf: [{ properties: { x }, required: ['x'] }, x] } }],
    });
    const refused = await foretell.client.post('/v1/models/longest/predict', {
      input: { x: [1], mask: [1] },
    });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/input/mask' }] } });
  });

  it('run with their equals where nothing fills them up', async () => {
    const inputs = INSTANCES.slice(0, 20);
    const job = await foretell.client.predict('variable_length', { inputs });
    const sums = inputs.map((x) => ({ total: [x.reduce((sum, value) => sum + value, 0)] }));
    expect(job.outputs).toEqual(sums);
    const jobs = await Promise.all(
      inputs.map((input) => foretell.client.predict('variable_length', { input })),
    );
    expect(jobs.map(({ output }) => output)).toEqual(sums);
  });

  it.each([
    ['no_mask', 'weights'],
    ['no_length', 'no variable dimension'],
  ])('are refused where the padding does not fit the graph: %s', async (model, reason) => {
    const { body } = await foretell.client.get(`/v1/models/${model}`);
    expect(body).toMatchObject({
      versions: [{ state: 'failed', reason: expect.stringContaining(reason) as unknown }],
    });
  });

  it('fill a run of a fixed number of rows, whose rest nobody sees', async () => {
    const inputs = Array.from({ length: 7 }, (_, i) => [i, 1, 2 * i]);
    const outputs = inputs.map(([a = 0, b = 0, c = 0]) => ({
      double: [2 * a, 2 * b, 2 * c],
      sum: a + b + c,
    }));
    const job = await foretell.client.predict('fixed_rows', { inputs });
    expect(job).toMatchObject({ outputs, batch_size: 4 });
    const [input] = inputs;
    const alone = await foretell.client.predict('fixed_rows', { input });
    expect(alone).toMatchObject({ output: outputs[0], batch_size: 1 });
    const fewer = await foretell.client.predict('two_of_four', { inputs });
    expect(fewer).toMatchObject({ outputs, batch_size: 2 });
  });

  it('are the whole tensor where max_batch_size is 0', async () => {
    const input = Array.from({ length: 4 }, () => [1, 2, 3]);
    const job = await foretell.client.predict('whole', { input });
    expect(job.output).toEqual({
      double: Array.from({ length: 4 }, () => [2, 4, 6]),
      sum: [6, 6, 6, 6],
    });
  });
});

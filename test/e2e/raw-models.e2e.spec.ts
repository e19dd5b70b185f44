import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const FIXTURES = [
  'every_dtype',
  'fixed_batch',
  'no_batch',
  'scalar',
  'variable_length',
  'two_inputs',
  'gather',
  'wrong_batch',
  'broken',
];

describe('bare folders with nothing but 1/model.onnx', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const names = FIXTURES.map((name) => `fixture:${name}`);
    foretell = await Installation.start({ MODELS_DIR: await modelsDir('iris', ...names) });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('exchange every type of element, strings and 64-bit integers included', async () => {
    const input = {
      in_float32: [1.5, -2],
      in_float64: [1e300, -0.1],
      in_float16: [0.5, 2048],
      in_int8: [-128, 127],
      in_int16: [-32768, 32767],
      in_int32: [-2147483648, 2147483647],
      in_int64: ['-9223372036854775808', 9007199254740991],
      in_uint8: [0, 255],
      in_uint16: [0, 65535],
      in_uint32: [0, 4294967295],
      in_uint64: ['18446744073709551615', 7],
      in_bool: [true, false],
      in_string: ['Grüße', ''],
    };
    const job = await foretell.client.predict('every_dtype', { inputs: [input, input] });
    expect(job.error).toBeNull();
    expect(job.batch_size).toBe(2);
    for (const output of job.outputs ?? []) {
      const expected = Object.entries(input).map(([name, value]) => [
        name.replace('in_', 'out_'),
        value,
      ]);
      expect(output).toEqual(Object.fromEntries(expected));
    }
  });

  it.each([
    ['int8 128', { in_int8: [128, 0] }, '/input/in_int8/0'],
    ['uint64 too large', { in_uint64: ['18446744073709551616', 0] }, '/input/in_uint64/0'],
    ['an integer past 2^53 as a number', { in_int64: [9007199254740992, 0] }, '/input/in_int64/0'],
    ['a half', { in_int32: [0.5, 0] }, '/input/in_int32/0'],
    ['a float16 beyond its range', { in_float16: [70000, 0] }, '/input/in_float16/0'],
    ['a number as bool', { in_bool: [1, true] }, '/input/in_bool/0'],
  ])('refuse %s', async (_name, change, pointer) => {
    const zeros = Object.fromEntries(
      'float32 float64 float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64'
        .split(' ')
        .map((dtype) => [`in_${dtype}`, [0, 0]]),
    );
    const input = { ...zeros, in_bool: [true, true], in_string: ['', ''], ...change };
    const { status, body } = await foretell.client.post('/v1/models/every_dtype/predict', {
      input,
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'invalid-input', errors: [{ pointer }] });
  });

  it('run whatever batch dimension they have', async () => {
    const { client } = foretell;
    const outputs = async (model: string, inputs: unknown[]) =>
      (await client.predict(model, { inputs })).outputs;
    expect(await outputs('fixed_batch', [[1, 2, 3, 4], { x: [0, 0, 0, 1] }])).toEqual([
      { y: [2, 4, 6, 8] },
      { y: [0, 0, 0, 2] },
    ]);
    expect(await outputs('no_batch', [[1, 2, 3]])).toEqual([{ y: [6] }]);
    expect(await outputs('scalar', [41, 0])).toEqual([{ y: 42 }, { y: 1 }]);
    expect(await outputs('two_inputs', [{ a: [1, 2], b: [3, 4] }])).toEqual([
      { sum: [4, 6], product: [3, 8] },
    ]);
  });

  it('keep instances of different lengths apart', async () => {
    const inputs = [[1], [1, 2], [3], [1, 2, 3], [5, 5]];
    const job = await foretell.client.predict('variable_length', { inputs });
    expect(job.outputs).toEqual([1, 3, 3, 6, 10].map((total) => ({ total: [total] })));
  });

  it('are run one at a time where the graph mixes the rows of a batch', async () => {
    const job = await foretell.client.predict('wrong_batch', {
      inputs: [
        [1, 1],
        [3, 3],
      ],
    });
    expect(job.batch_size).toBe(1);
    expect(job.outputs).toEqual([{ y: [1, 1] }, { y: [3, 3] }]);
  });

  it('let an instance that the graph refuses fail alone', async () => {
    const inputs = [[1], [2], [99], [3]];
    const job = await foretell.client.predict('gather', { inputs });
    expect(job.status).toBe('succeeded');
    expect(job.progress).toEqual({ done: 3, total: 4 });
    expect(job.outputs?.map((o) => (o as { value?: number[] }).value)).toEqual([
      [1.5],
      [3],
      undefined,
      [4.5],
    ]);
    expect(job.outputs?.[2]).toMatchObject({
      error: { code: 'inference-failed', retryable: false },
    });
    expect(JSON.stringify(job)).not.toContain('/onnxruntime');

    const others = await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        foretell.client.predict('gather', { input: [i === 7 ? 50 : 2] }),
      ),
    );
    expect(others.filter(({ status }) => status === 'failed')).toHaveLength(1);
    expect(others[7]).toMatchObject({
      status: 'failed',
      error: { code: 'inference-failed' },
      output: null,
    });
  });

  it('are reported and refused when they cannot be loaded, while the others serve on', async () => {
    const refused = await foretell.client.post('/v1/models/broken/predict', { input: [1] });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect(refused.body).toMatchObject({
      code: 'model-unavailable',
      detail: expect.stringContaining('broken cannot be served') as unknown,
    });
    expect(refused.body['detail']).not.toContain('/tmp');

    const { body } = await foretell.client.get('/v1/models/broken');
    expect(body).toMatchObject({ default_version: null, versions: [{ state: 'failed' }] });
    const health = await foretell.client.get('/health');
    expect(health.body).toMatchObject({ status: 'degraded', redis: 'up', accelerators: ['cpu'] });
    expect((await foretell.client.predict('iris', { input: [5, 3, 1, 0.2] })).status).toBe(
      'succeeded',
    );
  });
});

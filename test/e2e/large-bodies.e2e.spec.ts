import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IMAGES, withText } from './support/images.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

/** Longer than what the api reads on its event loop. */
const LONG = 300_000;
const ROWS = Array.from({ length: 200 }, (_, row) =>
  Array.from({ length: 1000 }, (_, i) => (row + i) % 7),
);

describe('a large body', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir('iris', 'digits', 'fixture:variable_length');
    foretell = await Installation.start({ MODELS_DIR: dir });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  const post = (model: string, body: unknown, headers: Record<string, string> = {}) =>
    foretell.client.post(`/v1/models/${model}/predict`, body, headers);

  it('is predicted with like a small one', async () => {
    const job = await foretell.client.predict('variable_length', { inputs: ROWS });
    const totals = ROWS.map((row) => ({ total: [row.reduce((sum, n) => sum + n, 0)] }));
    expect(job).toMatchObject({ status: 'succeeded', outputs: totals });
  });

  it('may be a single instance, to a model that the body names', async () => {
    const input = withText('x'.repeat(LONG)).toString('base64');
    const submitted = await foretell.client.post<{ id: string }>('/v1/predict', {
      model: 'digits',
      parameters: { top_k: 1 },
      input,
    });
    const small = await foretell.client.predict('digits', {
      input: IMAGES.png.toString('base64'),
      parameters: { top_k: 1 },
    });
    expect(await foretell.client.ended(submitted.body)).toMatchObject({
      status: 'succeeded',
      output: small.output,
    });
  });

  it('is the same request when it is sent again, and another one with another row', async () => {
    const key = { 'idempotency-key': 'large' };
    const { body: job } = await post('variable_length', { inputs: ROWS }, key);
    const again = await post('variable_length', { inputs: ROWS }, key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body['id']).toBe(job['id']);
    const other = await post('variable_length', { inputs: ROWS.toReversed() }, key);
    expect(other.body).toMatchObject({ code: 'idempotency-mismatch' });
  });

  it.each<[string, string, object, string, string[] | undefined]>([
    [
      'a row that does not fit',
      'variable_length',
      { inputs: [...ROWS, [1, 'x']] },
      'invalid-input',
      ['/inputs/200/1'],
    ],
    [
      'a parameter that is not the model’s',
      'variable_length',
      { inputs: ROWS, parameters: { heat: 1 } },
      'invalid-input',
      ['/parameters/heat'],
    ],
    [
      'too many rows',
      'digits',
      { inputs: Array(80_000).fill([1]) },
      'invalid-request',
      ['/inputs'],
    ],
    ['a text for rows', 'digits', { inputs: 'x'.repeat(LONG) }, 'invalid-request', ['/inputs']],
    ['both', 'variable_length', { input: ROWS[0], inputs: ROWS }, 'invalid-request', ['']],
    ['an array for a body', 'digits', ROWS, 'invalid-request', ['']],
    [
      'a text that is no picture',
      'digits',
      { input: 'x'.repeat(LONG) },
      'unsupported-media-type',
      ['/input'],
    ],
    [
      'more beside the input',
      'digits',
      { input: 1, x: 'x'.repeat(LONG) },
      'payload-too-large',
      undefined,
    ],
    [
      'more than its model can need',
      'iris',
      { input: 'x'.repeat(5 * LONG) },
      'payload-too-large',
      undefined,
    ],
  ])('is refused for %s', async (_what, model, body, code, pointers) => {
    const answer = await post(model, body);
    expect(answer.body).toMatchObject({ code });
    const errors = answer.body['errors'] as { pointer: string }[] | undefined;
    expect(errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it('is refused as empty of fields where it is mostly blanks', async () => {
    for (const body of ['null', '[]', '7', '"x"']) {
      for (const length of [100_000, LONG]) {
        const answer = await foretell.client.post('/v1/predict', body.padEnd(length));
        expect(answer.body).toMatchObject({ status: 422, code: 'invalid-request' });
      }
    }
  });

  it('is refused with less than a model’s where a route takes no input', async () => {
    const body = { model: 'iris', x: 'x'.repeat(LONG) };
    expect((await foretell.client.post('/v1/jobs/cancel', body)).body).toMatchObject({
      code: 'payload-too-large',
    });
  });

  it('may be as large as the model says', async () => {
    const { body } = await foretell.client.get<{ versions: { body_limit_bytes: number }[] }>(
      '/v1/models/iris',
    );
    const limit = body.versions.at(-1)?.body_limit_bytes ?? 0;
    const text = '{"input": [5.1, 3.5, 1.4, 0.2]}';
    expect((await post('iris', text.padEnd(limit))).status).toBe(202);
    const refused = await post('iris', text.padEnd(limit + 1));
    expect(refused.body).toMatchObject({ code: 'payload-too-large' });
    expect(refused.body['detail']).toContain(String(limit));
  });
});

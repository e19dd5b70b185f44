import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import type { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { heldOut, modelsDir } from './support/models.js';

const GOLDEN = path.join(import.meta.dirname, '../fixtures/golden/tabular');
/** Of probabilities that the server rounds to four places or more. */
const TOLERANCE = 1e-4;
const CSV = { 'content-type': 'text/csv' };
const IRIS = '/v1/models/iris/predict';
const FIELDS = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'] as const;
const HEADER = FIELDS.join(',');
const LABELS: Record<string, string[]> = {
  iris: ['setosa', 'versicolor', 'virginica'],
  churn: ['leaves', 'stays', 'wavers'],
  fraud: ['fine', 'fraud'],
};

interface Golden {
  csv: string;
  probabilities: number[][];
}

interface Problem {
  status: number;
  code: string;
  errors?: { pointer: string; message: string }[];
}

async function goldenOf(model: string): Promise<Golden> {
  return JSON.parse(await readFile(path.join(GOLDEN, `${model}.json`), 'utf8')) as Golden;
}

describe('tables as input', () => {
  let foretell: Installation;
  let client: Client;
  let rows: number[][];

  beforeAll(async () => {
    const models = ['iris', 'digits', 'fixture:churn', 'fixture:fraud', 'fixture:two_inputs'];
    foretell = await Installation.start({ MODELS_DIR: await modelsDir(...models) });
    ({ client } = foretell);
    rows = (await heldOut('iris')).rows.map(({ input }) => input as number[]);
  });

  afterAll(async () => {
    await foretell.stop();
  });

  /** A table of that many rows. */
  const table = (count: number) => Array.from({ length: count }, (_, i) => rows[i % rows.length]);
  const csvOf = (values: unknown[][]) => [HEADER, ...values.map((row) => row.join(','))].join('\n');
  const columnsOf = (values: unknown[][]) =>
    Object.fromEntries(FIELDS.map((name, i) => [name, values.map((row) => row[i])]));

  function expectGolden(model: string, job: JobView, { probabilities }: Golden): void {
    expect(job).toMatchObject({ status: 'succeeded', progress: { total: probabilities.length } });
    expect(job.outputs).toHaveLength(probabilities.length);
    probabilities.forEach((expected, i) => {
      const output = job.outputs?.[i] as { probabilities: Record<string, number> };
      LABELS[model]?.forEach((label, k) => {
        const distance = Math.abs((output.probabilities[label] ?? NaN) - (expected[k] ?? NaN));
        expect(distance).toBeLessThan(TOLERANCE);
      });
    });
  }

  it.each(Object.keys(LABELS))(
    'give, to %s, what Python makes of the same CSV, as a body and as an upload with options',
    async (model) => {
      const golden = await goldenOf(model);
      const { csv } = golden;
      expectGolden(model, await client.ended(await client.submit(model, csv, CSV)), golden);

      const form = new FormData();
      form.append('inputs', new Blob([csv]), 'rows.csv');
      form.append('priority', 'high');
      form.append('metadata', '{"sheet": "1"}');
      const { status, body } = await client.post<JobView>(`/v1/models/${model}/predict`, form);
      expect(status).toBe(202);
      const uploaded = await client.ended(body);
      expectGolden(model, uploaded, golden);
      expect(uploaded.metadata).toEqual({ sheet: '1' });

      const typed = new FormData();
      typed.append('inputs', new Blob([csv], { type: 'text/csv' }), 'rows');
      const other = await client.post<JobView>(`/v1/models/${model}/predict`, typed);
      expectGolden(model, await client.ended(other.body), golden);
    },
  );

  it.each([1, 38, 1000])('give the same as CSV, as columns and row by row: %d', async (count) => {
    const inputs = table(count) as number[][];
    const plain = await client.predict('iris', { inputs });
    const csv = await client.ended(await client.submit('iris', csvOf(inputs), CSV));
    const columns = await client.predict('iris', { inputs: columnsOf(inputs) });
    // So laid out, it is large enough to be read in a thread.
    const spread = JSON.stringify({ inputs: columnsOf(inputs) }, null, count === 1000 ? 60 : 1);
    const large = await client.predict('iris', spread);
    for (const job of [csv, columns, large]) {
      expect(job).toMatchObject({ status: 'succeeded', outputs: plain.outputs });
    }
    expect(plain.outputs).toHaveLength(count);
  });

  it('are columns to models of named tensors as well', async () => {
    const inputs = [
      { a: [1, 2], b: [3, 4] },
      { a: [5, 6], b: [7, 8] },
    ];
    const byRow = await client.post<JobView>('/v1/models/two_inputs/predict', { inputs });
    const columns = { a: inputs.map(({ a }) => a), b: inputs.map(({ b }) => b) };
    const byColumn = await client.post<JobView>('/v1/models/two_inputs/predict', {
      inputs: columns,
    });
    expect([byRow.status, byColumn.status]).toEqual([202, 202]);
    const [one, other] = await Promise.all([byRow, byColumn].map(({ body }) => client.ended(body)));
    expect(other).toMatchObject({ status: 'succeeded', outputs: one?.outputs });
  });

  it.each([5, 1000])('say where a cell of CSV is wrong, of %d rows', async (count) => {
    const values: unknown[][] = table(count).map((row) => [...(row ?? [])]);
    values[2] = ['tall', 3, '', 1];
    values[count - 1] = [1, 2, '"1,5"', 4];
    const { status, body } = await client.post<Problem>(IRIS, csvOf(values), CSV);
    expect([status, body.code]).toEqual([422, 'invalid-input']);
    expect(body.errors).toEqual([
      {
        pointer: '/inputs/2/petal_length',
        message: 'line 4, column "petal_length": is missing',
      },
      {
        pointer: '/inputs/2/sepal_length',
        message: 'line 4, column "sepal_length": must be number',
      },
      {
        pointer: `/inputs/${count - 1}/petal_length`,
        message: `line ${count + 1}, column "petal_length": must be number`,
      },
    ]);
  });

  it.each([5, 1000])('say where a value of columns is wrong, of %d rows', async (count) => {
    const columns: Record<string, unknown[]> = columnsOf(table(count) as number[][]);
    const { petal_width, sepal_length = [], ...others } = columns;
    sepal_length[3] = 'tall';
    const inputs = { ...others, sepal_length, stem: petal_width };
    const text = JSON.stringify({ inputs }, null, count === 1000 ? 60 : 1);
    const { status, body } = await client.post<Problem>(IRIS, text);
    expect([status, body.code]).toEqual([422, 'invalid-input']);
    const pointers = body.errors?.map(({ pointer }) => pointer).sort();
    expect(pointers?.filter((pointer) => pointer !== '/inputs/sepal_length/3')).toEqual([
      '/inputs/petal_width',
      '/inputs/stem',
    ]);
  });

  it('warn of what is out of range, wherever it stands', async () => {
    const values = [
      [5, 3, 1, 0.2],
      [99, 3, 1, 0.2],
    ];
    const csv = await client.ended(await client.submit('iris', csvOf(values), CSV));
    expect(csv.warnings.map(({ pointer }) => pointer)).toEqual(['/inputs/1/sepal_length']);
    const columns = await client.predict('iris', { inputs: columnsOf(values) });
    expect(columns.warnings.map(({ pointer }) => pointer)).toEqual(['/inputs/sepal_length/1']);
  });

  it.each<[string, string, string, Record<string, string>, number, string, string | undefined]>([
    ['semicolons', IRIS, HEADER.replaceAll(',', ';'), CSV, 422, 'invalid-input', '/inputs'],
    ['no rows', IRIS, HEADER, CSV, 422, 'invalid-input', '/inputs'],
    ['nothing', IRIS, '', CSV, 422, 'invalid-input', '/inputs'],
    [
      '1001 rows',
      IRIS,
      `${HEADER}\n${'1,2,3,4\n'.repeat(1001)}`,
      CSV,
      422,
      'invalid-input',
      '/inputs',
    ],
    ['a ragged row', IRIS, `${HEADER}\n1,2,3\n`, CSV, 422, 'invalid-input', '/inputs'],
    [
      'a model of pictures',
      '/v1/models/digits/predict',
      'a\n1',
      CSV,
      415,
      'unsupported-media-type',
      undefined,
    ],
    ['no model', '/v1/predict', `${HEADER}\n1,2,3,4`, CSV, 422, 'invalid-request', '/model'],
    ['another route', '/v1/jobs/cancel', 'a\n1', CSV, 415, 'unsupported-media-type', undefined],
    [
      'UTF-16',
      IRIS,
      HEADER,
      { 'content-type': 'text/csv; charset=utf-16' },
      415,
      'unsupported-media-type',
      undefined,
    ],
    [
      'columns of several lengths',
      IRIS,
      '{"inputs":{"a":[1],"b":[1,2]}}',
      {},
      422,
      'invalid-request',
      '/inputs/b',
    ],
    [
      'a column that is none',
      IRIS,
      '{"inputs":{"a":[1],"b":1}}',
      {},
      422,
      'invalid-request',
      '/inputs/b',
    ],
    [
      'columns without values',
      IRIS,
      '{"inputs":{"a":[]}}',
      {},
      422,
      'invalid-request',
      '/inputs/a',
    ],
    [
      'columns for one',
      IRIS,
      '{"input":{"sepal_length":[1]}}',
      {},
      422,
      'invalid-input',
      '/input/sepal_width',
    ],
  ])('are refused: %s', async (...[, path, body, headers, status, code, pointer]) => {
    const answer = await client.post<Problem>(path, body, headers);
    expect(answer.body).toMatchObject({ status, code });
    const pointers = answer.body.errors?.map((error) => error.pointer) ?? [];
    if (pointer === undefined) expect(pointers).toEqual([]);
    else expect(pointers).toContain(pointer);
  });

  it('go as one file named inputs', async () => {
    for (const names of [['input'], ['inputs', 'inputs']]) {
      const form = new FormData();
      for (const name of names) form.append(name, new Blob([`${HEADER}\n1,2,3,4`]), 'rows.csv');
      const { body } = await client.post<Problem>(IRIS, form);
      expect(body).toMatchObject({ code: 'invalid-request', errors: [{ pointer: '/inputs' }] });
    }
  });

  it('make no second job where the same text comes with the same key', async () => {
    const key = { 'idempotency-key': 'table-1', ...CSV };
    const csv = csvOf(table(3) as number[][]);
    const first = await client.submit('iris', csv, key);
    const second = await client.submit('iris', csv, key);
    expect(second.id).toBe(first.id);
    const other = await client.post<Problem>(IRIS, `${csv}\n1,2,3,4`, key);
    expect(other.body).toMatchObject({ code: 'idempotency-mismatch' });
    expect((await client.ended(first)).outputs).toHaveLength(3);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/models');
const PIPELINES = ['churn', 'house', 'tags', 'fraud'] as const;
/** Of what scikit-learn computes in float64, and a graph in float32. */
const TOLERANCE = 1e-4;

interface Golden {
  input: Record<string, unknown>;
  label?: string;
  labels?: string[];
  probabilities?: Record<string, number>;
  chance?: number;
  values?: Record<string, number>;
}

interface Output {
  label?: string;
  labels?: { label: string; confidence: number }[];
  probabilities: Record<string, number>;
  values: Record<string, number>;
}

async function goldenOf(model: string): Promise<Golden[]> {
  return JSON.parse(await readFile(path.join(FIXTURES, model, 'golden.json'), 'utf8')) as Golden[];
}

function expectNear(actual: Record<string, number>, expected: Record<string, number>): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    const distance = Math.abs((actual[name] ?? NaN) - value) / Math.max(1, Math.abs(value));
    expect(distance).toBeLessThan(TOLERANCE);
  }
}

const WRONG: Record<string, { change: (yaml: string) => string; reason: RegExp }> = {
  no_such_file: {
    change: (yaml) => yaml.replace('scaler.json', 'scalers.json'),
    reason:
      /no_such_file\/model\.yaml:3: input\.scaler_file: there is no file scalers\.json beside/,
  },
  a_path: {
    change: (yaml) => yaml.replace('scaler.json', '../churn/scaler.json'),
    reason: /a_path\/model\.yaml:3: input\.scaler_file: must be the name of a file/,
  },
  two_scalers: {
    change: (yaml) => yaml.replace('- name: age', '- name: age\n    mean: 3'),
    reason: /two_scalers\/model\.yaml:5: input\.fields\[0\]\.name: a field has one scaler/,
  },
  too_narrow: {
    change: (yaml) => yaml.replace('    - NL\n', ''),
    reason: /model\.yaml gives columns \[11\], but the graph's columns has \[.*12\]/,
  },
};

describe('scalers, encodings and missing values of model.yaml', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir(...PIPELINES.map((name) => `fixture:${name}`));
    for (const [name, { change }] of Object.entries(WRONG)) {
      await copyModel('fixture:churn', path.join(dir, name));
      const yaml = await readFile(path.join(FIXTURES, 'churn/model.yaml'), 'utf8');
      await writeFile(path.join(dir, name, 'model.yaml'), change(yaml));
    }
    foretell = await Installation.start({ MODELS_DIR: dir });
    await foretell.add('worker');
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each(PIPELINES)(
    '%s answers raw rows as its whole scikit-learn pipeline does',
    async (model) => {
      const golden = await goldenOf(model);
      const inputs = golden.map(({ input }) => input);
      const together = await foretell.client.predict(model, { inputs });
      expect(together).toMatchObject({ status: 'succeeded', error: null });
      const alone = await Promise.all(
        inputs.map((input) => foretell.client.predict(model, { input })),
      );
      golden.forEach((wanted, i) => {
        for (const output of [together.outputs?.[i], alone[i]?.output] as Output[]) {
          if (wanted.label !== undefined) expect(output.label).toBe(wanted.label);
          if (wanted.labels) {
            expect(output.labels?.map(({ label }) => label).sort()).toEqual(wanted.labels.sort());
          }
          if (wanted.probabilities) expectNear(output.probabilities, wanted.probabilities);
          if (wanted.values) expectNear(output.values, wanted.values);
          if (wanted.chance !== undefined) {
            const { fine = NaN, fraud = NaN } = output.probabilities;
            expectNear({ fine, fraud }, { fine: 1 - wanted.chance, fraud: wanted.chance });
          }
        }
      });
    },
  );

  it.each([
    ['a category that is none', { country: 'NL', grade: 4 }, '/input/grade', 'one of 1, 2, 3'],
    ['null where there must be a value', { age: null }, '/input/age', 'number'],
    ['a text for a boolean', { member: 'yes' }, '/input/member', 'boolean'],
  ])('%s is refused before it is queued', async (_name, change, pointer, message) => {
    const [row] = await goldenOf('churn');
    const { status, body } = await foretell.client.post('/v1/models/churn/predict', {
      input: { ...row?.input, ...change },
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: 'invalid-input',
      errors: [{ pointer, message: expect.stringContaining(message) as unknown }],
    });
  });

  it('what may be missing, and what there is to choose from, stands in the published schema', async () => {
    const { body } = await foretell.client.get<{
      versions: { input_schema: { anyOf: [{ required: string[]; properties: object }] } }[];
    }>('/v1/models/churn');
    const [named] = body.versions[0]?.input_schema.anyOf ?? [];
    expect(named?.required).toEqual(['age', 'visits', 'country', 'grade', 'plan', 'member']);
    expect(named?.properties).toMatchObject({
      age: { type: 'number' },
      income: { type: ['number', 'null'] },
      country: { type: ['string', 'number'], examples: ['DE', 'FR', 'NL'] },
      grade: { enum: [1, 2, 3] },
      member: { type: 'boolean' },
    });
    const document = await foretell.client.get('/v1/models/churn/openapi.json');
    expect(JSON.stringify(document.body)).toContain(
      JSON.stringify({ enum: [1, 2, 3] }).slice(1, -1),
    );
  });

  it.each(Object.entries(WRONG))(
    '%s is refused with file, line and field',
    async (name, { reason }) => {
      const refused = await foretell.client.post(`/v1/models/${name}/predict`, { input: [] });
      expect(refused.body).toMatchObject({ status: 503, code: 'model-unavailable' });
      expect(refused.body['detail']).toMatch(reason);
    },
  );
});

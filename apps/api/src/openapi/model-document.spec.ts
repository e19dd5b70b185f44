import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type {
  ClassificationOutput,
  RegressionOutput,
  TabularInput,
  VersionReport,
} from '#libs/contracts';
import { CatalogModel } from '../models/catalog.model.js';
import { modelDocument } from './model-document.js';

const BASE = JSON.parse(readFileSync('docs/reference/openapi.json', 'utf8')) as OpenAPIObject;

const TABULAR: TabularInput = {
  kind: 'tabular',
  fields: [
    { name: 'a', mean: 0, std: 1 },
    { name: 'b', mean: 0, std: 1 },
  ],
};
const CLASSES: ClassificationOutput = {
  kind: 'classification',
  activation: 'softmax',
  labels: ['x', 'y'],
  decimals: 4,
};
const NUMBER: RegressionOutput = { kind: 'regression', mean: 0, std: 1, decimals: 4 };

function version(name: string, more: Partial<VersionReport> = {}): VersionReport {
  return {
    model: 'm',
    version: name,
    state: 'ready',
    input: TABULAR,
    output: CLASSES,
    batching: { max_batch_size: 1, max_queue_delay_ms: 0 },
    warmup: { batch_sizes: [] },
    instances: 1,
    lifecycle: { preload: true, keep_warm: 0, idle_unload_s: 0 },
    defaults: {},
    warm_instances: 1,
    memory_bytes: 0,
    card: {},
    ...more,
  };
}

function documentOf(...versions: VersionReport[]): OpenAPIObject {
  const model = CatalogModel.from({ model: 'm', versions }, undefined);
  return modelDocument(BASE, model, model.defaultVersion);
}

/** Whether a value fits one of the document's schemas. */
function fits(document: OpenAPIObject, schema: string, value: unknown): boolean {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'document');
  return ajv.validate({ $ref: `document#/components/schemas/${schema}` }, value);
}

function schemaNames({ components }: OpenAPIObject): string[] {
  return Object.keys(components?.schemas ?? {});
}

const JOB = {
  id: 'job_01m7yp0ekhexgs0k4hw7kkaf3y',
  object: 'job',
  status: 'succeeded',
  model: 'm',
  version: '1',
  version_reason: 'default',
  error: null,
  progress: { done: 1, total: 1 },
  queue: null,
  attempts: 1,
  attempt_history: [],
  created_at: '2026-11-21T09:11:44.497Z',
  started_at: null,
  ended_at: null,
  expires_at: null,
  timing: null,
  batch_size: 1,
  cached: false,
  warnings: [],
  metadata: {},
  request_id: 'r',
  status_url: 'http://x',
  events_url: 'http://x',
  cancel_url: 'http://x',
};
const X = { label: 'x', confidence: 1, probabilities: { x: 1, y: 0 } };

describe('the document of a model', () => {
  const document = documentOf(version('1'), version('2'));

  it('has its own routes and those of jobs', () => {
    const paths = Object.keys(document.paths);
    const own = [
      '/v1/models/m/predict',
      ...['1', '2'].map((v) => `/v1/models/m/versions/${v}/predict`),
    ];
    const jobs = Object.keys(BASE.paths).filter((path) => path.startsWith('/v1/jobs/{id}'));
    expect(paths).toEqual([...own, ...jobs]);
    const [post] = own.map((path) => document.paths[path]?.post);
    expect(post).toMatchObject({ operationId: 'predict' });
    expect(JSON.stringify(post?.parameters)).not.toContain('"path"');
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'm on Foretell' });
  });

  it.each<[object, boolean]>([
    [{ input: { a: 1, b: 2 } }, true],
    [{ input: [1, 2], parameters: { top_k: 2 } }, true],
    [{ inputs: [[1, 2], { a: 1, b: 2 }], priority: 'low' }, true],
    [{ input: [1, 2], parameters: null }, true],
    [{ input: [1] }, false],
    [{ input: { a: 1, c: 2 } }, false],
    [{ inputs: [] }, false],
    [{ input: [1, 2], inputs: [[1, 2]] }, false],
    [{ input: [1, 2], parameters: { top_k: 3 } }, false],
    [{ input: [1, 2], model: 'm' }, false],
  ])('takes %j: %p', (body, taken) => {
    expect(fits(document, 'PredictRequest', body)).toBe(taken);
  });

  it.each<[object, boolean]>([
    [{ output: null, status: 'queued' }, true],
    [{ output: X }, true],
    [{ output: { label: 'x', confidence: 1, top_k: [{ label: 'x', confidence: 1 }] } }, true],
    [{ outputs: [X, X] }, true],
    [{ outputs: null }, true],
    [{ output: { value: 1 } }, false],
    [{ output: { ...X, label: 'z' } }, false],
    [{ outputs: [X, { error: 'no problem' }] }, false],
    [{ output: X, model: 'another' }, false],
  ])('gives a job with %j: %p', (job, given) => {
    expect(fits(document, 'Job', { ...JOB, ...job })).toBe(given);
  });

  it('gives an instance that failed alone in its place', () => {
    const error = {
      type: 't',
      code: 'inference-failed',
      title: 't',
      detail: 'd',
      retryable: false,
    };
    expect(fits(document, 'Job', { ...JOB, outputs: [X, { error }] })).toBe(true);
  });

  it('has no schema that it does not need, and refers to none that it does not have', () => {
    expect(schemaNames(document)).toEqual(
      expect.arrayContaining(['Input', 'Output', 'Job', 'Problem']),
    );
    expect(schemaNames(document)).not.toEqual(expect.arrayContaining(['Health']));
    const wanted = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)];
    expect(new Set(wanted.map(([, name]) => name))).toEqual(new Set(schemaNames(document)));
  });

  it('names only the signatures that differ from the default version’s', () => {
    expect(schemaNames(document).filter((name) => /^(Input|Output)(V\d+)?$/.test(name))).toEqual([
      'Input',
      'Output',
    ]);
    const mixed = documentOf(version('1', { output: NUMBER }), version('2'));
    expect(fits(mixed, 'OutputV1', { value: 1 })).toBe(true);
    expect(fits(mixed, 'Output', { value: 1 })).toBe(false);
    expect(fits(mixed, 'Job', { ...JOB, output: { value: 1 } })).toBe(true);
    expect(mixed.paths['/v1/models/m/versions/1/predict']?.post?.requestBody).toMatchObject({
      content: {
        'application/json': { schema: { $ref: '#/components/schemas/PredictRequestV1' } },
      },
    });
  });

  it('takes forms and CSV where the model takes pictures or rows', () => {
    const types = (d: OpenAPIObject) => {
      const body = d.paths['/v1/models/m/predict']?.post?.requestBody;
      return Object.keys(body && 'content' in body ? body.content : {});
    };
    const graph = version('1', { input: { kind: 'tensor' } });
    expect(types(documentOf(graph))).toEqual(['application/json']);
    expect(types(document)).toEqual(['application/json', 'multipart/form-data', 'text/csv']);
    const input = { kind: 'image' };
    expect(types(documentOf(version('1', { input })))).toEqual([
      'application/json',
      'multipart/form-data',
    ]);
  });

  it('says nothing of a graph that was never opened, nor of a model without versions', () => {
    const unopened = version('1', { input: { kind: 'tensor' }, output: { kind: 'tensor' } });
    expect(fits(documentOf(unopened), 'PredictRequest', { input: 'anything' })).toBe(true);
    expect(fits(documentOf(), 'PredictRequest', { input: 'anything' })).toBe(true);
  });

  it('leaves the document of the api as it is', () => {
    const before = structuredClone(BASE);
    documentOf(version('1'), version('2', { output: NUMBER }));
    expect(BASE).toEqual(before);
  });
});

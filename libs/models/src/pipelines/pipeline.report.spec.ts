import { describe, expect, it } from '@jest/globals';
import type { PipelineSpec, VersionDescription, VersionReport } from '#libs/contracts';
import { ManifestDocument } from '../manifest.js';
import { parametersSchema } from '../input-schema.js';
import { outputSchema } from '../output-schema.js';
import { pipelineReport } from './pipeline.report.js';

const CLASSES = 'output: { kind: classification, labels: [a, b] }';

/** A model as a worker reports it. */
function reportOf(manifest: string, about: Partial<VersionReport> = {}): VersionReport {
  const shared = new ManifestDocument(manifest, 'm/model.yaml').validate();
  const tensors = {
    inputs: [{ name: 'x', dtype: 'float32' as const, shape: ['N', 2] }],
    outputs: [{ name: 'y', dtype: 'float32' as const, shape: ['N', 2] }],
  };
  const served = { state: 'ready' as const, warm_instances: 1, memory_bytes: 1 };
  return {
    ...shared,
    processor: undefined,
    model: 'm',
    version: '3',
    tensors,
    ...served,
    ...about,
  };
}

function report(
  steps: string,
  reports: Record<string, VersionReport | string>,
  output = '',
): VersionReport {
  const text = `pipeline: { steps: ${steps}${output} }`;
  const manifest = new ManifestDocument(text, 'p/model.yaml').validate();
  const description = { ...manifest, model: 'p', version: '1' } as VersionDescription & {
    pipeline: PipelineSpec;
  };
  return pipelineReport(description, new Map(Object.entries(reports)));
}

const TWO = '{ a: { model: m }, b: { model: n, input: { x: $a.y } } }';
const MEAN = '{ a: { model: m }, b: { model: m }, mean: { average: [a, b] } }';

describe('pipelineReport', () => {
  it('takes what its first step takes, and gives what its steps give', () => {
    const a = reportOf('', { hooks: [] });
    const b = reportOf(CLASSES);
    const both = report(TWO, { a, b });
    expect(both).toMatchObject({ model: 'p', version: '1', state: 'ready', input: a.input });
    expect(both.tensors?.inputs).toEqual(a.tensors?.inputs);
    expect(outputSchema(both)).toEqual({
      type: 'object',
      properties: { a: outputSchema(a), b: outputSchema(b) },
      required: ['a', 'b'],
    });
    expect(parametersSchema(both)).toEqual({
      type: 'object',
      properties: { b: parametersSchema(b) },
      additionalProperties: false,
    });
    expect(both.pipeline?.signature?.versions).toEqual({ a: '3', b: '3' });
  });

  it('says what a step gives that is run for an array', () => {
    const each = '{ a: { model: m }, b: { model: n, for_each: $a.y, limit: 7 } }';
    const b = reportOf(CLASSES);
    const mapped = report(each, { a: reportOf(''), b }, ', output: { all: $b, part: $a.y }');
    expect(outputSchema(mapped)).toMatchObject({
      properties: {
        all: { type: 'array', maxItems: 7, items: { properties: { output: outputSchema(b) } } },
        part: {},
      },
    });
  });

  it.each([
    ['ready', 'ready', 'ready'],
    ['ready', 'loading', 'loading'],
    ['unloaded', 'loading', 'loading'],
    ['ready', 'unloaded', 'unloaded'],
    ['ready', 'failed', 'failed'],
  ] as const)('is, of steps that are %s and %s, %s', (one, other, state) => {
    const a = reportOf('', { state: one });
    const b = reportOf('', { state: other, reason: 'broken' });
    expect(report(TWO, { a, b })).toMatchObject({
      state,
      ...(state === 'failed' ? { reason: 'step b: m version 3: broken' } : {}),
    });
  });

  it('has failed where a step has no model', () => {
    expect(report(TWO, { a: reportOf(''), b: 'there is no model n' })).toMatchObject({
      state: 'failed',
      reason: 'step b: there is no model n',
    });
  });

  it('does not know its answers before every graph is known', () => {
    const a = reportOf('', { tensors: undefined, state: 'loading' });
    expect(outputSchema(report(TWO, { a, b: reportOf('') }))).toBeNull();
  });

  it.each([
    [
      'the best labels alone',
      CLASSES.replace('] }', '], top_k: 1 }'),
      CLASSES,
      'a answers with its best labels alone',
    ],
    ['another form', CLASSES, '', 'the answers of a, b do not have the same form'],
  ])('refuses to average %s', (_, one, other, reason) => {
    const made = report(MEAN, { a: reportOf(one), b: reportOf(other) });
    expect(made).toMatchObject({ state: 'failed', reason: expect.stringContaining(reason) });
    expect(report(MEAN, { a: reportOf(one), b: reportOf(one) }).state).toBe(
      one.includes('top_k') ? 'failed' : 'ready',
    );
  });
});

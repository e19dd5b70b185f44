import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseManifest } from './manifest.js';
import { outputSchema } from './output-schema.js';

function fits(output: string, value: unknown): boolean {
  const manifest = parseManifest(`output: ${output}`, 'm');
  const schema = outputSchema({ ...manifest, model: 'm', version: '1' });
  return new Ajv2020({ strict: false }).validate(schema ?? false, value);
}

const best = { label: 'a', confidence: 0.75 };
const all = { ...best, probabilities: { a: 0.75, b: 0.25 } };
const top = { ...best, top_k: [best] };

describe('the schema of a classification', () => {
  it('has all probabilities, or the best ones where the call asks for those', () => {
    const output = '{ kind: classification, labels: [a, b], activation: softmax }';
    expect(fits(output, all)).toBe(true);
    expect(fits(output, top)).toBe(true);
    expect(fits(output, best)).toBe(false);
    expect(fits(output, { ...all, probabilities: { a: 1 } })).toBe(false);
    expect(fits(output, { ...top, top_k: [best, best, best] })).toBe(false);
    expect(fits(output, { ...all, label: 'c' })).toBe(false);
    expect(fits(output, { ...all, confidence: 1.5 })).toBe(false);
  });

  it('has the best ones alone where the manifest says so', () => {
    const output = '{ kind: classification, labels: [a, b], top_k: 1 }';
    expect(fits(output, top)).toBe(true);
    expect(fits(output, all)).toBe(false);
  });

  it('does not promise probabilities of a graph that may give anything', () => {
    const output = '{ kind: classification, labels: [a, b], activation: none }';
    expect(fits(output, { ...all, confidence: -7.5 })).toBe(true);
  });
});

describe('the schema of a regression', () => {
  it('has the bounds that the value is cut to', () => {
    const output = '{ kind: regression, minimum: 0, maximum: 10 }';
    expect(fits(output, { value: 10 })).toBe(true);
    expect(fits(output, { value: 10.1 })).toBe(false);
  });
});

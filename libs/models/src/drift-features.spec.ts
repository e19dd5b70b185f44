import { describe, expect, it } from '@jest/globals';
import type {
  ClassificationOutput,
  OutputSpec,
  RegressionOutput,
  TabularField,
  VersionDescription,
} from '#libs/contracts';
import { driftFeatures } from './drift-features.js';

const classes: ClassificationOutput = {
  kind: 'classification',
  activation: 'none',
  labels: ['a', 'b'],
  decimals: 4,
};

function description(fields: Partial<TabularField>[], output: OutputSpec): VersionDescription {
  const all = fields.map((field, i) => ({ name: `f${String(i)}`, mean: 0, std: 1, ...field }));
  return { input: { kind: 'tabular', fields: all }, output } as unknown as VersionDescription;
}

const edgesOf = (field: Partial<TabularField>, reference: unknown[] = []) =>
  driftFeatures(description([field], { kind: 'tensor' }), reference)[0]?.edges ?? [];

describe('driftFeatures', () => {
  it('are the class, confidence and entropy of a classification, and its inputs', () => {
    const names = driftFeatures(description([{}, { name: 'a/b' }], classes), []).map(
      ({ name }) => name,
    );
    expect(names).toEqual(['class', 'confidence', 'entropy', 'input/f0', 'input/a/b']);
  });

  it('have no entropy where there is one class', () => {
    const one = { ...classes, labels: ['a'] };
    expect(driftFeatures(description([], one), [])).toHaveLength(2);
  });

  it('are outputs alone of other inputs, and nothing of raw outputs', () => {
    const raw = { input: { kind: 'tensor' }, output: { kind: 'tensor' } };
    expect(driftFeatures(raw as VersionDescription, [])).toEqual([]);
    const image = { input: { kind: 'image' }, output: classes };
    expect(driftFeatures(image as unknown as VersionDescription, ['aGk='])).toHaveLength(3);
  });

  it('take bins of inputs from the reference, whether its rows are lists or objects', () => {
    const rows = Array.from({ length: 100 }, (_, i) => [i]);
    const range = { minimum: 0, maximum: 1000 };
    expect(edgesOf(range, rows)).toEqual([9, 19, 29, 39, 49, 59, 69, 79, 89]);
    expect(
      edgesOf(
        range,
        rows.map(([f0]) => ({ f0 })),
      ),
    ).toEqual(edgesOf(range, rows));
  });

  it('do not, where what callers send is not what is counted', () => {
    const rows = Array.from({ length: 100 }, (_, i) => [i]);
    const fields = [{ minimum: 0, maximum: 1000 }];
    const edges = (hooks: VersionDescription['hooks']) =>
      driftFeatures({ ...description(fields, { kind: 'tensor' }), hooks }, rows)[0]?.edges;
    expect(edges(['postprocess'])?.at(-1)).toBe(89);
    expect(edges(['preprocess'])?.at(-1)).toBe(1000);
  });

  it('else from the declared range, else from mean and deviation, else from any number', () => {
    const range = edgesOf({ minimum: 0, maximum: 10, mean: 3, std: 2 });
    expect([range.length, range.at(-1)]).toEqual([21, 10]);
    const scaled = edgesOf({ minimum: 0, mean: 10, std: 2 });
    expect([scaled[1], scaled.at(-1)]).toEqual([5, 16]);
    expect(edgesOf({})).toContain(-(2 ** 30));
  });

  it('are the same for the same manifest, and tell other bins apart', () => {
    const scale = (field: Partial<TabularField>) =>
      driftFeatures(description([field], classes), []).at(-1)?.scale;
    const range = { minimum: 0, maximum: 10 };
    expect(scale(range)).toBe(scale(range));
    expect(scale(range)).not.toBe(scale({ minimum: 0, maximum: 11 }));
  });

  it('have the same bins of values whatever the reference: versions are to be comparable', () => {
    const output: RegressionOutput = { kind: 'regression', mean: 0, std: 1, decimals: 2 };
    const [without] = driftFeatures(description([{}], output), []);
    expect(driftFeatures(description([{}], output), [[1], [2]])[0]).toEqual(without);
    expect(without).toMatchObject({ name: 'value', kind: 'value' });
  });

  it('have bins of values where those come, of a target that is transformed', () => {
    const output = { kind: 'regression', mean: 12, std: 0.5, transform: 'exp', decimals: 2 };
    const [{ edges = [] } = {}] = driftFeatures(description([], output), []);
    expect(edges[0]).toBeCloseTo(Math.exp(10.5), 0);
    expect(edges.at(-1)).toBeCloseTo(Math.exp(13.5), 0);
  });

  it('are bounded', () => {
    const many = Array.from({ length: 300 }, () => ({}));
    expect(driftFeatures(description(many, { kind: 'tensor' }), [])).toHaveLength(100);
  });
});

import { describe, expect, it } from '@jest/globals';
import type {
  ClassificationOutput,
  Counts,
  OutputSpec,
  RegressionOutput,
  VersionDescription,
} from '#libs/contracts';
import { driftFeatures } from '#libs/models';
import { under } from '#libs/statistics';
import { Observer } from './observer.js';

const classes: ClassificationOutput = {
  kind: 'classification',
  activation: 'none',
  labels: ['a', 'b', 'c'],
  decimals: 4,
};
const drift = {
  window_s: 3600,
  min_samples: 1,
  warn_psi: 0.1,
  alert_psi: 0.25,
  low_confidence: 0.6,
};

function observer(output: OutputSpec = classes): Observer {
  const fields = [
    { name: 'x', mean: 0, std: 1, minimum: 0, maximum: 10 },
    { name: 'y', mean: 0, std: 1 },
  ];
  const version = { input: { kind: 'tabular', fields }, output, drift };
  const description = version as unknown as VersionDescription;
  return new Observer(description, driftFeatures(description, []));
}

const sum = (counts: Counts) => Object.values(counts).reduce((a, b) => a + b, 0);

describe('Observer', () => {
  it('counts lists and objects alike, each in one bin of each input', () => {
    const sut = observer();
    sut.instance([3, 1]);
    sut.instance({ y: 1, x: 3 });
    sut.instance([9, -1]);
    const counts = sut.take() ?? {};
    expect(counts['rows']).toBe(3);
    expect(Object.values(under(counts, 'input/x')).sort()).toEqual([1, 2]);
    expect(Object.values(under(counts, 'input/y')).sort()).toEqual([1, 2]);
  });

  it('counts what is out of range by field and by instance, and what is missing', () => {
    const sut = observer();
    sut.instance([-1, 0]);
    sut.instance([11, null]);
    sut.instance({ x: 5 });
    expect(sut.take()).toMatchObject({
      'out-of-range': 2,
      'out-of-range/x': 2,
      'missing/y': 2,
    });
  });

  it('counts classes, confidence, its want, and entropy from 0 to 1', () => {
    const sut = observer();
    for (const scores of [
      [1, 0, 0],
      [1 / 3, 1 / 3, 1 / 3],
      [0.1, 0.55, 0.35],
    ]) {
      sut.instance([0, 0]);
      sut.classified(scores.indexOf(Math.max(...scores)), Float64Array.from(scores));
    }
    const counts = sut.take() ?? {};
    expect(under(counts, 'class')).toEqual({ a: 2, b: 1 });
    expect(counts).toMatchObject({ 'low-confidence': 2, 'confidence/19': 1, 'confidence/10': 1 });
    expect(counts).toMatchObject({ 'entropy/0': 1, 'entropy/19': 1 });
  });

  it('leaves entropy out where scores are no shares of anything', () => {
    const sut = observer();
    sut.instance([0, 0]);
    sut.classified(0, Float64Array.from([3, -1, 0]));
    const counts = sut.take() ?? {};
    expect(under(counts, 'entropy')).toEqual({});
    expect(under(counts, 'confidence')).toEqual({ 19: 1 });
  });

  it('counts values of a regression', () => {
    const sut = observer({ kind: 'regression', mean: 0, std: 1, decimals: 1 } as RegressionOutput);
    sut.instance([0, 0]);
    sut.estimated(7);
    expect(sum(under(sut.take() ?? {}, 'value'))).toBe(1);
  });

  it('gives what was counted once', () => {
    const sut = observer();
    expect(sut.take()).toBeNull();
    sut.instance([99, null]);
    sut.classified(0, Float64Array.from([0.5, 0.5, 0]));
    sut.take();
    expect(sut.take()).toBeNull();
    sut.instance([1, 1]);
    expect(Object.keys(sut.take() ?? {})).toHaveLength(3);
  });
});

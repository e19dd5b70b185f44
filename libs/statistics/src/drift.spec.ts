import { describe, expect, it } from '@jest/globals';
import type { Counts, DriftFeature, DriftSettings } from '#libs/contracts';
import { binOf, quantileEdges } from './bins.js';
import { binName, versionDrift } from './drift.js';

const RUNS = 100;
/** The instances that come with the iris model, as its reference. */
const REFERENCE_ROWS = 150;
const SETTINGS: DriftSettings = {
  window_s: 3600,
  min_samples: 500,
  warn_psi: 0.1,
  alert_psi: 0.25,
  low_confidence: 0.5,
};
/** Means of the four measurements of each species, and what they vary by. */
const SPECIES = [
  [5.006, 3.428, 1.462, 0.246],
  [5.936, 2.77, 4.26, 1.326],
  [6.588, 2.974, 5.552, 2.026],
];
const WITHIN = [0.515, 0.34, 0.43, 0.205];
/** Of all three species together. */
const STDS = [0.828, 0.436, 1.765, 0.762];

/** mulberry32: the same numbers each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Flowers; measured to a millimetre, as Fisher's were. */
function flowers(random: () => number, count: number, shift: number[] = []): number[][] {
  return Array.from({ length: count }, () => {
    const means = SPECIES[Math.floor(random() * SPECIES.length)] ?? [];
    return means.map((mean, i) => {
      const value = mean + normal(random) * (WITHIN[i] ?? 0) + (shift[i] ?? 0) * (STDS[i] ?? 0);
      return Math.round(value * 10) / 10;
    });
  });
}

/** Probability of each species, by its distance. */
function probabilities(flower: number[]): number[] {
  const scores = SPECIES.map((means) =>
    Math.exp(
      -means.reduce((sum, m, i) => sum + ((m - (flower[i] ?? 0)) / (WITHIN[i] ?? 1)) ** 2, 0) / 2,
    ),
  );
  const total = scores.reduce((sum, score) => sum + score, 0) || 1;
  return scores.map((score) => score / total);
}

const SHARES = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

function featuresBy(reference: number[][]): DriftFeature[] {
  const inputs = [0, 1, 2, 3].map((i): DriftFeature => ({
    name: `input/${String(i)}`,
    kind: 'input',
    edges: quantileEdges(
      reference.map((flower) => flower[i] ?? 0),
      10,
    ),
  }));
  return [
    { name: 'class', kind: 'class' },
    { name: 'confidence', kind: 'confidence', edges: SHARES },
    { name: 'entropy', kind: 'entropy', edges: SHARES },
    ...inputs,
  ];
}

function countsOf(features: DriftFeature[], sample: number[][]): Counts {
  const counts: Counts = { rows: sample.length };
  const raise = (name: string) => (counts[name] = (counts[name] ?? 0) + 1);
  for (const flower of sample) {
    const shares = probabilities(flower);
    const confidence = Math.max(...shares);
    const entropy = shares.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0) / Math.log(3);
    raise(`class/${String(shares.indexOf(confidence))}`);
    const values = [confidence, entropy, ...flower];
    features.slice(1).forEach((feature, i) => {
      raise(binName(feature, binOf(feature.edges ?? [], values[i] ?? 0)));
    });
  }
  return counts;
}

function levels(shift?: number[]): (string | null)[] {
  return Array.from({ length: RUNS }, (_, run) => {
    const random = randomFrom(run + 1);
    const reference = flowers(random, REFERENCE_ROWS);
    const features = featuresBy(reference);
    const observed = countsOf(features, flowers(random, SETTINGS.min_samples, shift));
    return versionDrift(features, observed, countsOf(features, reference), SETTINGS).level;
  });
}

describe('versionDrift, with as few samples as count', () => {
  it(`raises no level in ${String(RUNS)} runs without a shift`, () => {
    expect(levels().filter((level) => level !== 'ok')).toEqual([]);
  });

  it.each([0, 1, 2, 3])('alerts in every run where input %p is shifted by its deviation', (i) => {
    const shift = [0, 0, 0, 0].with(i, 1);
    expect(levels(shift).filter((level) => level !== 'alert')).toEqual([]);
  });
});

describe('versionDrift', () => {
  const feature: DriftFeature = { name: 'input/a/b', kind: 'input', edges: [1], scale: 'new' };
  const observed = {
    rows: 800,
    'input/a/b/new:0': 400,
    'input/a/b/new:1': 400,
    'input/a/b/old:0': 9,
  };
  const reference = { rows: 500, 'input/a/b/new:0': 490, 'input/a/b/new:1': 10 };

  it('counts what was counted by the bins of today alone', () => {
    const { features, level } = versionDrift([feature], observed, reference, SETTINGS);
    expect(features[0]).toMatchObject({ samples: 800, observed: { counts: [400, 400] } });
    expect(level).toBe('alert');
  });

  it('says nothing with fewer samples than are asked for, or none to compare with', () => {
    const settings = { ...SETTINGS, min_samples: 801 };
    expect(versionDrift([feature], observed, reference, settings).level).toBe(
      'insufficient-samples',
    );
    expect(versionDrift([feature], observed, { rows: 1 }, SETTINGS).level).toBe(
      'insufficient-samples',
    );
    expect(versionDrift([feature], observed, null, SETTINGS).level).toBeNull();
  });

  it('is as bad as its worst feature, by the thresholds', () => {
    const settings = { ...SETTINGS, warn_psi: 1, alert_psi: 9 };
    const calm: DriftFeature = { name: 'class', kind: 'class' };
    const counts = { ...observed, 'class/x': 800 };
    const found = versionDrift([calm, feature], counts, { ...reference, 'class/x': 500 }, settings);
    expect(found.features.map(({ level }) => level)).toEqual(['ok', 'warn']);
    expect(found.level).toBe('warn');
  });

  it('takes a label for a name, whatever it is', () => {
    const labels: DriftFeature = { name: 'class', kind: 'class' };
    const [was, is] = [{ 'class/__proto__': 500 }, { 'class/constructor': 800 }];
    const { features, level } = versionDrift([labels], is, was, SETTINGS);
    expect(features[0]).toMatchObject({
      observed: { names: ['__proto__', 'constructor'], counts: [0, 800] },
      compared: { counts: [500, 0] },
    });
    expect(level).toBe('alert');
  });
});

import { describe, expect, it } from '@jest/globals';
import type { ClassificationOutput, Dtype, RegressionOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { ClassificationDecoder } from './classification.decoder.js';
import type { Batch } from '../tensors.js';
import type { CallParameters, OutputDecoder } from '../output-kind.js';
import { RegressionDecoder } from './regression.decoder.js';
import { TensorDecoder } from './tensor.decoder.js';

const info = (shape: TensorInfo['shape'], dtype: Dtype = 'float32'): TensorInfo => ({
  name: 'y',
  dtype,
  shape,
});

/** A batch of such rows. */
function batchOf(...rows: number[][]): Batch {
  return { y: { data: new Float64Array(rows.flat()), shape: [rows[0]?.length ?? 0] } };
}

function decode(sut: OutputDecoder, rows: number[][], parameters: CallParameters = {}, row = 0) {
  return JSON.parse(sut.decode(batchOf(...rows), row, parameters)) as unknown;
}

function classification(
  spec: Partial<ClassificationOutput> = {},
  shape: TensorInfo['shape'] = ['N', 3],
) {
  return new ClassificationDecoder(
    { kind: 'classification', activation: 'none', labels: ['a', 'b', 'c'], decimals: 4, ...spec },
    [info(shape)],
  );
}

describe('ClassificationDecoder', () => {
  it('writes labels as JSON, and numbers outside 0 to 1 and with many decimals as they are', () => {
    const labels = ['"', '__proto__', 'é'];
    const text = classification({ labels }).decode(batchOf([-1.5, 0.12345, 7]), 0, {});
    expect(text).toBe(
      '{"label":"é","confidence":7,"probabilities":{"\\"":-1.5,"__proto__":0.1235,"é":7}}',
    );
    expect(decode(classification({ decimals: 15 }), [[0, 0.1234567890123456, 0]])).toMatchObject({
      confidence: 0.123456789012346,
    });
  });

  it('gives the best label and all probabilities, in the order of the labels', () => {
    expect(decode(classification(), [[0.2, 0.70005, 0.1]])).toEqual({
      label: 'b',
      confidence: 0.7,
      probabilities: { a: 0.2, b: 0.7, c: 0.1 },
    });
  });

  it('reads its own row of the batch', () => {
    const rows = [
      [1, 0, 0],
      [0, 0, 1],
    ];
    expect(decode(classification(), rows, {}, 1)).toMatchObject({ label: 'c' });
  });

  it('gives the best k where the manifest or the call says so, the call first', () => {
    const row = [[0.2, 0.5, 0.3]];
    const expected = [
      { label: 'b', confidence: 0.5 },
      { label: 'c', confidence: 0.3 },
    ];
    const best = { ...expected[0], top_k: expected };
    expect(decode(classification(), row, { top_k: 2 })).toEqual(best);
    expect(decode(classification({ top_k: 3 }), row, { top_k: 1 })).toMatchObject({
      top_k: expected.slice(0, 1),
    });
  });

  it('breaks ties by the order of the labels, and by exact scores before rounded ones', () => {
    expect(decode(classification(), [[0.1, 0.4, 0.4]])).toMatchObject({ label: 'b' });
    const close = [[0.50001, 0.50002, 0]];
    expect(decode(classification(), close)).toMatchObject({ label: 'b', confidence: 0.5 });
  });

  it.each([
    [[1000, 1000, 1000], 0.3333],
    [[1e30, -1e30, 0], 1],
    [[-1000, -1001, -1e308], 0.7311],
  ])('softmax of %j does not overflow', (scores, confidence) => {
    expect(decode(classification({ activation: 'softmax' }), [scores])).toMatchObject({
      label: 'a',
      confidence,
    });
  });

  it('sigmoid of large scores stays between 0 and 1', () => {
    const sut = classification({ activation: 'sigmoid' });
    expect(decode(sut, [[800, -800, 0]])).toMatchObject({
      probabilities: { a: 1, b: 0, c: 0.5 },
    });
  });

  it.each([NaN, Infinity, -Infinity])('refuses a score of %p', (score) => {
    expect(() => decode(classification(), [[0, score, 0]])).toThrow(InstanceError);
  });

  it('refuses a graph with another number of classes', () => {
    expect(() => classification({}, ['N', 2])).toThrow(ManifestMismatch);
  });

  it("never reads another caller's scores where the graph gave fewer than labels", () => {
    const rows = [
      [0, 0],
      [9, 9],
    ];
    expect(() => decode(classification({}, ['N', 'C']), rows)).toThrow('3 labels');
  });
});

describe('ClassificationDecoder that decides', () => {
  const two: Partial<ClassificationOutput> = { labels: ['fine', 'fraud'], activation: 'sigmoid' };
  const LOGIT_02 = Math.log(0.2 / 0.8);

  it.each([
    [0.2, 'fraud'],
    [0.21, 'fine'],
  ])('gives the second of two labels from its threshold on: %p', (threshold, label) => {
    const sut = classification({ ...two, thresholds: [threshold] }, ['N', 1]);
    expect(decode(sut, [[LOGIT_02 + 1e-9]])).toEqual({
      label,
      confidence: label === 'fraud' ? 0.2 : 0.8,
      probabilities: { fine: 0.8, fraud: 0.2 },
    });
  });

  it('takes a single score for that of the second label, at its own row, as a probability too', () => {
    const sut = classification({ labels: ['no', 'yes'] }, ['N', 1]);
    expect(decode(sut, [[0.1], [0.9]], {}, 1)).toMatchObject({ label: 'yes', confidence: 0.9 });
    expect(decode(sut, [[0.1], [0.9]])).toMatchObject({ label: 'no', confidence: 0.9 });
  });

  it.each<[string, Partial<ClassificationOutput>]>([
    ['softmax', { labels: ['no', 'yes'], activation: 'softmax' }],
    ['labels that do not exclude each other', { labels: ['a', 'b'], multi_label: true }],
    ['three labels', {}],
  ])('refuses a single score for %s', (_, spec) => {
    expect(() => classification(spec, ['N', 1])).toThrow(ManifestMismatch);
  });

  it('gives no label, or the one for that, below min_confidence', () => {
    const row = [[0.1, 0.59, 0.31]];
    expect(decode(classification({ min_confidence: 0.59 }), row)).toMatchObject({ label: 'b' });
    expect(decode(classification({ min_confidence: 0.6 }), row)).toEqual({
      label: null,
      confidence: 0.59,
      probabilities: { a: 0.1, b: 0.59, c: 0.31 },
    });
    const named = classification({ min_confidence: 0.6, unknown_label: 'ask' });
    expect(decode(named, row, { top_k: 1 })).toEqual({
      label: 'ask',
      confidence: 0.59,
      top_k: [{ label: 'b', confidence: 0.59 }],
    });
  });

  it('gives every label that reaches its threshold, highest first, by exact scores', () => {
    const sut = classification({ multi_label: true, thresholds: [0.3, 0.5, 0.7] });
    expect(decode(sut, [[0.3, 0.9, 0.69999]])).toEqual({
      labels: [
        { label: 'b', confidence: 0.9 },
        { label: 'a', confidence: 0.3 },
      ],
      probabilities: { a: 0.3, b: 0.9, c: 0.7 },
    });
    expect(decode(sut, [[0, 0, 0]], { top_k: 1 })).toEqual({
      labels: [],
      top_k: [{ label: 'a', confidence: 0 }],
    });
  });

  it('gives no answer where a low temperature leaves no number', () => {
    const cold = classification({ activation: 'softmax', temperature: 1e-308 });
    expect(() => decode(cold, [[10, 10, 0]])).toThrow(InstanceError);
  });

  it('divides scores by the temperature before the activation', () => {
    const hot = classification({ activation: 'softmax', temperature: 2 });
    const plain = classification({ activation: 'softmax' });
    expect(decode(hot, [[4, 2, -6]])).toEqual(decode(plain, [[2, 1, -3]]));
  });
});

function regression(spec: Partial<RegressionOutput> = {}) {
  return new RegressionDecoder({ kind: 'regression', mean: 0, std: 1, decimals: 2, ...spec }, [
    info(['N', 1]),
  ]);
}

describe('RegressionDecoder', () => {
  it.each<[Partial<RegressionOutput>, number, number]>([
    [{}, 1.006, 1.01],
    [{ mean: 100, std: 10 }, -1.5, 85],
    [{ decimals: 0 }, 2.5, 3],
    [{ decimals: 0 }, -2.5, -3],
    [{ minimum: 0 }, -3, 0],
    [{ maximum: 10 }, 1e300, 10],
    [{ minimum: -1, maximum: 1 }, 0.5, 0.5],
    [{ decimals: 15 }, 1e22, 1e22],
    [{ transform: 'exp' }, 1, 2.72],
    [{ transform: 'expm1', mean: 1, std: 2 }, 0.5, 6.39],
    [{ transform: 'exp', maximum: 2 }, 1, 2],
  ])('with %j makes of %p', (spec, raw, value) => {
    expect(decode(regression(spec), [[raw]])).toEqual({ value });
  });

  it.each([NaN, Infinity, -Infinity])('refuses %p, also where it would be clipped', (raw) => {
    expect(() => decode(regression({ minimum: 0, maximum: 1 }), [[raw]])).toThrow(InstanceError);
  });

  it('refuses what its transformation makes infinite', () => {
    expect(() => decode(regression({ transform: 'exp' }), [[1000]])).toThrow(InstanceError);
  });

  describe('with targets', () => {
    const targets = [
      { name: 'a"', mean: 10, std: 2, decimals: 0 },
      { name: 'b', mean: 0, std: 1, decimals: 2, transform: 'expm1' as const, maximum: 1 },
    ];
    const several = (shape: TensorInfo['shape']) =>
      new RegressionDecoder({ kind: 'regression', mean: 0, std: 1, decimals: 4, targets }, [
        info(shape),
      ]);

    it('gives each by its name, as it says, from its own row', () => {
      const rows = [
        [0, 0],
        [-3, 5],
      ];
      expect(decode(several(['N', 2]), rows, {}, 1)).toEqual({ values: { 'a"': 4, b: 1 } });
    });

    it('refuses a graph that gives another number of them, when it is opened or when it runs', () => {
      expect(() => several(['N', 3])).toThrow(ManifestMismatch);
      expect(() => several(['N'])).toThrow(ManifestMismatch);
      expect(() => decode(several(['N', 'T']), [[1, 2, 3]])).toThrow('2 targets');
    });
  });

  it('refuses a graph that gives more than one number', () => {
    expect(() => decode(regression(), [[1, 2]])).toThrow(ManifestMismatch);
  });
});

describe('TensorDecoder', () => {
  const sut = new TensorDecoder([info(['N', 'T', 1]), { ...info(['N'], 'string'), name: 's' }]);
  const batch: Batch = {
    y: { data: new Float32Array([0, 0, 1, NaN]), shape: [2, 1] },
    s: { data: ['a', 'b'], shape: [] },
  };

  it('gives nested arrays by name', () => {
    expect(JSON.parse(sut.decode(batch, 1, {}))).toEqual({ y: [[1], ['NaN']], s: 'b' });
  });

  it('cuts back what was filled up, by the name of the dimension', () => {
    const cut = (name: string, length: number) =>
      JSON.parse(sut.decode(batch, 1, {}, { lengths: new Map([[name, length]]) })) as unknown;
    expect(cut('T', 1)).toEqual({ y: [[1]], s: 'b' });
    expect(cut('T', 3)).toEqual({ y: [[1], ['NaN']], s: 'b' });
    expect(cut('U', 1)).toEqual({ y: [[1], ['NaN']], s: 'b' });
  });

  it('refuses to guess which output is meant where there are several', () => {
    const two = [info(['N', 1]), { ...info(['N', 1]), name: 'z' }];
    const spec: RegressionOutput = { kind: 'regression', mean: 0, std: 1, decimals: 2 };
    expect(() => new RegressionDecoder(spec, two)).toThrow('y, z');
    expect(() => new RegressionDecoder({ ...spec, tensor: 'w' }, two)).toThrow('y, z');
    expect(new RegressionDecoder({ ...spec, tensor: 'y' }, two)).toBeDefined();
  });
});

describe('ClassificationDecoder among many classes', () => {
  it.each([1, 2, 5, 32, 33, 200])(
    'ranks the best %i as a sort would, equal ones in order',
    (count) => {
      const labels = Array.from({ length: 200 }, (_, i) => `class${String(i)}`);
      const scores = labels.map((_, i) => ((i * 37) % 50) / 50);
      const expected = labels
        .map((label, i) => ({ label, confidence: scores[i] ?? 0 }))
        .sort((a, b) => b.confidence - a.confidence)
        .slice(0, count);
      const sut = new ClassificationDecoder(
        { kind: 'classification', activation: 'none', labels, decimals: 4 },
        [{ name: 'scores', dtype: 'float64', shape: ['batch', 200] }],
      );
      const outputs = { scores: { data: Float64Array.from(scores), shape: [200] } };
      const { top_k: best } = JSON.parse(sut.decode(outputs, 0, { top_k: count })) as {
        top_k: unknown;
      };
      expect(best).toEqual(expected);
    },
  );
});

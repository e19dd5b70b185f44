import { describe, expect, it } from '@jest/globals';
import type { ClassificationOutput, Dtype, RegressionOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { ClassificationDecoder } from './classification.decoder.js';
import type { OutputRow } from './output-decoder.js';
import { RegressionDecoder } from './regression.decoder.js';
import { TensorDecoder } from './tensor.decoder.js';

const info = (shape: TensorInfo['shape'], dtype: Dtype = 'float32'): TensorInfo => ({
  name: 'y',
  dtype,
  shape,
});

/** Row `row` of a batch of such rows. */
function rowOf(rows: number[][], row = 0): OutputRow {
  const shape = [rows[0]?.length ?? 0];
  return {
    y: { data: new Float64Array(rows.flat()), offset: row * (shape[0] ?? 0), shape },
  };
}

function classification(spec: Partial<ClassificationOutput> = {}, shape = ['N', 3]) {
  return new ClassificationDecoder(
    { kind: 'classification', activation: 'none', labels: ['a', 'b', 'c'], decimals: 4, ...spec },
    [info(shape)],
  );
}

describe('ClassificationDecoder', () => {
  it('gives the best label and all probabilities, in the order of the labels', () => {
    expect(classification().decode(rowOf([[0.2, 0.70005, 0.1]]), {})).toEqual({
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
    expect(classification().decode(rowOf(rows, 1), {})).toMatchObject({ label: 'c' });
  });

  it('gives the best k where the manifest or the call says so, the call first', () => {
    const row = rowOf([[0.2, 0.5, 0.3]]);
    const expected = [
      { label: 'b', confidence: 0.5 },
      { label: 'c', confidence: 0.3 },
    ];
    expect(classification().decode(row, { top_k: 2 })).toEqual({ ...expected[0], top_k: expected });
    expect(classification({ top_k: 3 }).decode(row, { top_k: 1 })).toMatchObject({
      top_k: expected.slice(0, 1),
    });
  });

  it('breaks ties by the order of the labels, and by exact scores before rounded ones', () => {
    expect(classification().decode(rowOf([[0.1, 0.4, 0.4]]), {})).toMatchObject({ label: 'b' });
    const close = rowOf([[0.50001, 0.50002, 0]]);
    expect(classification().decode(close, {})).toMatchObject({ label: 'b', confidence: 0.5 });
  });

  it.each([
    [[1000, 1000, 1000], 0.3333],
    [[1e30, -1e30, 0], 1],
    [[-1000, -1001, -1e308], 0.7311],
  ])('softmax of %j does not overflow', (scores, confidence) => {
    expect(classification({ activation: 'softmax' }).decode(rowOf([scores]), {})).toMatchObject({
      label: 'a',
      confidence,
    });
  });

  it('sigmoid of large scores stays between 0 and 1', () => {
    const sut = classification({ activation: 'sigmoid' });
    expect(sut.decode(rowOf([[800, -800, 0]]), {})).toMatchObject({
      probabilities: { a: 1, b: 0, c: 0.5 },
    });
  });

  it.each([NaN, Infinity, -Infinity])('refuses a score of %p', (score) => {
    expect(() => classification().decode(rowOf([[0, score, 0]]), {})).toThrow(InstanceError);
  });

  it('refuses a graph with another number of classes', () => {
    expect(() => classification({}, ['N', 2])).toThrow(ManifestMismatch);
  });

  it("never reads another caller's scores where the graph gave fewer than labels", () => {
    const rows = [
      [0, 0],
      [9, 9],
    ];
    expect(() => classification({}, ['N', 'C']).decode(rowOf(rows), {})).toThrow('3 labels');
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
  ])('with %j makes of %p', (spec, raw, value) => {
    expect(regression(spec).decode(rowOf([[raw]]))).toEqual({ value });
  });

  it.each([NaN, Infinity, -Infinity])('refuses %p, also where it would be clipped', (raw) => {
    expect(() => regression({ minimum: 0, maximum: 1 }).decode(rowOf([[raw]]))).toThrow(
      InstanceError,
    );
  });

  it('refuses a graph that gives more than one number', () => {
    expect(() => regression().decode(rowOf([[1, 2]]))).toThrow(ManifestMismatch);
  });
});

describe('TensorDecoder', () => {
  it('gives nested arrays by name', () => {
    const sut = new TensorDecoder([
      info(['N', 2, 1]),
      { name: 's', dtype: 'string', shape: ['N'] },
    ]);
    const row: OutputRow = {
      y: { data: new Float32Array([0, 0, 1, NaN]), offset: 2, shape: [2, 1] },
      s: { data: ['a', 'b'], offset: 1, shape: [] },
    };
    expect(sut.decode(row)).toEqual({ y: [[1], ['NaN']], s: 'b' });
  });

  it('refuses to guess which output is meant where there are several', () => {
    const two = [info(['N', 1]), { ...info(['N', 1]), name: 'z' }];
    const spec: RegressionOutput = { kind: 'regression', mean: 0, std: 1, decimals: 2 };
    expect(() => new RegressionDecoder(spec, two)).toThrow('y, z');
    expect(() => new RegressionDecoder({ ...spec, tensor: 'w' }, two)).toThrow('y, z');
    expect(new RegressionDecoder({ ...spec, tensor: 'y' }, two)).toBeDefined();
  });
});

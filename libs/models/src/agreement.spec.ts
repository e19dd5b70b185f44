import { describe, expect, it } from '@jest/globals';
import { agree } from './agreement.js';

const text = (...outputs: unknown[]): string => JSON.stringify(outputs);
const iris = (label: string, confidence: number) => ({ label, confidence });
const ERROR = { error: { code: 'inference-failed' } };

describe('agree', () => {
  it('takes the same label for agreement, however sure', () => {
    const [a, b] = [iris('setosa', 0.9), iris('setosa', 0.5)];
    expect(agree('classification', text(a, a), text(b, a))).toBe(true);
    expect(agree('classification', text(a, a), text(a, iris('virginica', 0.9)))).toBe(false);
  });

  it('takes two that are not sure enough of any label for agreement', () => {
    const unsure = (confidence: number) => ({ label: null, confidence });
    expect(agree('classification', text(unsure(0.4)), text(unsure(0.2)))).toBe(true);
    expect(agree('classification', text(unsure(0.4)), text(iris('a', 0.9)))).toBe(false);
  });

  it('takes the same labels for agreement, where several may apply', () => {
    const tags = (...labels: string[]) => ({ labels: labels.map((label) => iris(label, 0.9)) });
    expect(agree('classification', text(tags('a', 'b')), text(tags('b', 'a')))).toBe(true);
    expect(agree('classification', text(tags('a', 'b')), text(tags('a')))).toBe(false);
    expect(agree('classification', text(tags('a')), text(tags('b')))).toBe(false);
    expect(agree('classification', text(tags()), text(tags()))).toBe(true);
  });

  it('compares all of what a processor has made of a label', () => {
    expect(agree('classification', text({ risk: 0.1 }), text({ risk: 0.9 }))).toBe(false);
    expect(agree('classification', text({ risk: 0.1 }), text({ risk: 0.1001 }))).toBe(true);
    expect(agree('classification', text('low'), text('high'))).toBe(false);
    expect(agree('classification', text(iris('a', 1)), text('a'))).toBe(false);
  });

  it.each([
    [1000, 1000.9, true],
    [1000, 1001.1, false],
    [-1000, 1000, false],
    [0, 0.0009, true],
    [0, 0.0011, false],
    [1e-9, -1e-9, true],
  ])('takes %p and %p as numbers within the tolerance: %p', (a, b, expected) => {
    expect(agree('regression', text({ value: a }), text({ value: b }))).toBe(expected);
    expect(agree('tensor', text({ y: [[a]] }), text({ y: [[b]] }))).toBe(expected);
  });

  it('goes by the tolerance that is asked for', () => {
    expect(agree('regression', text({ value: 1 }), text({ value: 1.09 }), 0.1)).toBe(true);
    expect(agree('regression', text({ value: 1 }), text({ value: 1.0001 }), 0)).toBe(false);
  });

  it.each([
    [{ y: [1, 2] }, { y: [1] }],
    [{ y: [1] }, { y: 1 }],
    [{ y: [1] }, { z: [1] }],
    [{ y: [1] }, { y: [1], z: [1] }],
    [{ y: ['NaN'] }, { y: [1] }],
    [{ y: [null] }, { y: [{}] }],
  ])('takes %j and %j, which are not alike, for no agreement', (a, b) => {
    expect(agree('tensor', text(a), text(b))).toBe(false);
    expect(agree('tensor', text(b), text(a))).toBe(false);
  });

  it('takes two errors for agreement, and one for none', () => {
    const other = { error: { code: 'invalid-input' } };
    expect(agree('tensor', text(ERROR, 1), text(other, 1))).toBe(true);
    expect(agree('classification', text(ERROR), text(iris('setosa', 1)))).toBe(false);
    expect(agree('regression', text({ value: 1 }), text(ERROR))).toBe(false);
  });

  it('is not misled by an output that is named error', () => {
    expect(agree('tensor', text({ error: [1] }), text({ error: [2] }))).toBe(false);
  });

  it('takes another number of outputs for no agreement', () => {
    expect(agree('tensor', text(1), text(1, 2))).toBe(false);
  });
});

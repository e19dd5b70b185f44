import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  failedLine,
  hasFailedLines,
  inputText,
  instanceLines,
  joinLines,
  problemInLine,
  splitLines,
} from './input-text.js';
import { jobProblem } from './problem.js';

describe('inputText', () => {
  it('has the parameters on a line, then a line for each instance', () => {
    expect(inputText([[1, 2]], undefined)).toBe('\n[1,2]');
    expect(inputText([{ a: 1 }, 'x\ny', null], { top_k: 1 })).toBe(
      '{"top_k":1}\n{"a":1},\n"x\\ny",\nnull',
    );
  });

  it('can be cut at its newlines, whatever the instances are', () => {
    const instances = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 20 });
    const parameters = fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { nil: undefined });
    fc.assert(
      fc.property(instances, parameters, (given, options) => {
        const [head = '', ...lines] = inputText(given, options).split('\n');
        expect(head).toBe(options === undefined ? '' : JSON.stringify(options));
        expect(lines).toHaveLength(given.length);
        const parsed = JSON.parse(`[${lines.join('')}]`) as unknown;
        expect(parsed).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });
});

describe('the line of an instance that has failed', () => {
  const problem = jobProblem('input-fetch-failed', 'a.example answered 404,\nand no more.');

  it('tells its problem, among others', () => {
    const lines = joinLines([instanceLines([1]), failedLine(problem), instanceLines(['x,\ny'])]);
    expect(hasFailedLines(lines)).toBe(true);
    expect(splitLines(lines).map(problemInLine)).toEqual([undefined, problem, undefined]);
  });

  it('cannot be written by a caller', () => {
    const forged = fc.constantFrom(failedLine(problem), '\u0001', '\\u0001', '\u0001{}');
    const given = fc.array(fc.oneof(forged, fc.jsonValue(), fc.object()), { minLength: 1 });
    fc.assert(
      fc.property(given, (instances) => {
        expect(hasFailedLines(instanceLines(instances))).toBe(false);
      }),
    );
  });
});

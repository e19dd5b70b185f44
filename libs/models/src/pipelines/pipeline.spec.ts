import { describe, expect, it } from '@jest/globals';
import { average } from './average.js';
import { pipelineSchema } from './pipeline.schema.js';
import { readTemplate } from './template.js';

describe('templates', () => {
  const scope = { input: 'picture', item: { box: [1, 2] }, find: { detections: [{ score: 0.5 }] } };

  it.each([
    ['$input', 'picture'],
    ['$item.box', [1, 2]],
    ['$find.detections.0.score', 0.5],
    ['$$input', '$input'],
    ['input', 'input'],
    [
      { image: '$input', crop: '$item.box' },
      { image: 'picture', crop: [1, 2] },
    ],
    [
      ['$item.box.1', 7, null],
      [2, 7, null],
    ],
  ])('%j stands for %j', (template, expected) => {
    expect(readTemplate(template).render(scope)).toEqual(expected);
  });

  it.each(['$find.boxes', '$find.detections.1', '$input.length', '$item.constructor'])(
    'says that %s is not there',
    (reference) => {
      const template = readTemplate(reference);
      expect(() => template.render(scope)).toThrow(`${reference} is not there`);
    },
  );

  it.each(['$', '$1', '$a..b', '$a b', '$a.'])('refuses %j', (reference) => {
    expect(() => readTemplate(reference)).toThrow('is no reference');
  });
});

describe('pipelineSchema', () => {
  function problems(pipeline: unknown): string[] {
    const read = pipelineSchema.safeParse(pipeline);
    return read.success
      ? []
      : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }

  const find = { model: 'finder' };

  it('takes a detector before a classifier, and an ensemble', () => {
    const input = { image: '$input', crop: '$item.box' };
    const read = { model: 'digits', for_each: '$find.detections', limit: 5, input };
    expect(problems({ steps: { find, read }, output: '$read' })).toEqual([]);
    const members = { one: { model: 'iris', version: 1 }, two: { model: 'iris', version: '2' } };
    const mean = { average: ['one', 'two'], weights: [1, 2] };
    expect(problems({ steps: { ...members, mean }, output: '$mean' })).toEqual([]);
    expect(pipelineSchema.parse({ steps: members }).steps['one']).toMatchObject({ version: '1' });
  });

  it.each([
    [{}, 'steps: there must be 1 to 16 steps'],
    [{ find: { ...find, modell: 'x' } }, 'steps.find.modell: Unrecognized key: "modell"'],
    [{ find: { version: 1 } }, 'steps.find.model: Invalid input'],
    [{ find: { model: '../x' } }, 'steps.find.model: must be the name of a model'],
    [{ find: { ...find, version: 0 } }, 'steps.find.version: versions are positive integers'],
    [{ 'a b': find }, 'steps.a b: the name of a step'],
    [{ input: find }, 'steps.input: input and item mean something else'],
    [
      { find, read: { ...find, input: '$reed' } },
      'steps.read.input: there is no step reed above it',
    ],
    [
      { find, read: { ...find, input: '$read' } },
      'steps.read.input: there is no step read above it',
    ],
    [
      { read: { ...find, input: '$find' }, find },
      'steps.read.input: there is no step find above it',
    ],
    [{ find, read: { ...find, input: '$item' } }, 'steps.read.input: $item needs for_each'],
    [{ find, read: { ...find, input: '$f..' } }, 'steps.read.input: $f.. is no reference'],
    [{ find, read: { ...find, for_each: 'find' } }, 'steps.read.for_each: must be a reference'],
    [{ find, read: { ...find, for_each: '$item' } }, 'steps.read.for_each: $item needs for_each'],
    [{ find: { ...find, limit: 3 } }, 'steps.find.limit: needs for_each'],
    [{ find: { ...find, at_least: { score: 1 } } }, 'steps.find.at_least: needs for_each'],
    [{ find: { ...find, input: '$input.image' } }, 'steps: one of them must take $input as it is'],
    [{ find, mean: { average: ['find'] } }, 'steps.mean.average: Too small'],
    [
      { find, mean: { average: ['find', 'x'] } },
      'steps.mean.average.1: there is no step x above it',
    ],
    [
      { find, each: { ...find, for_each: '$find' }, mean: { average: ['find', 'each'] } },
      'steps.mean.average.1: each does not give one answer',
    ],
    [
      { find, mean: { average: ['find', 'find'], weights: [1] } },
      'steps.mean.weights: must be one',
    ],
    [
      { find, mean: { average: ['find', 'find'], model: 'x' } },
      'steps.mean.model: Unrecognized key',
    ],
  ])('refuses %j', (steps, expected) => {
    expect(problems({ steps })).toEqual(
      expect.arrayContaining([expect.stringContaining(expected)]),
    );
  });

  it('refuses an output that no step gives', () => {
    expect(problems({ steps: { find }, output: { a: '$fund' } })).toEqual([
      'output: there is no step fund above it',
    ]);
  });
});

describe('average', () => {
  it('averages probabilities, and chooses by them', () => {
    const one = { label: 'a', confidence: 0.6, probabilities: { a: 0.6, b: 0.4 } };
    const two = { label: 'b', confidence: 0.9, probabilities: { a: 0.1, b: 0.9 } };
    expect(average([one, two])).toEqual({
      label: 'b',
      confidence: 0.65,
      probabilities: { a: 0.35, b: 0.65 },
    });
    expect(average([one, two], [3, 1])).toEqual({
      label: 'b',
      confidence: 0.525,
      probabilities: { a: 0.475, b: 0.525 },
    });
  });

  it('averages values wherever they stand', () => {
    expect(average([{ value: 1 }, { value: 4 }], [2, 1])).toEqual({ value: 2 });
    expect(average([{ y: [[1, 2]] }, { y: [[3, 4]] }])).toEqual({ y: [[2, 3]] });
    expect(average([{ values: { a: 0.1, u: 'm' } }, { values: { a: 0.2, u: 'm' } }])).toEqual({
      values: { a: 0.15, u: 'm' },
    });
  });

  it.each([
    [{ value: 1 }, { values: 1 }],
    [{ y: [1] }, { y: [1, 2] }],
    [{ label: 'a' }, { label: 'b' }],
    [{ value: 'NaN' }, { value: 1 }],
    [{ probabilities: { a: 1 } }, { label: 'a' }],
  ])('refuses %j with %j', (one, two) => {
    expect(() => average([one, two])).toThrow('differ');
  });
});

import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { problemOf } from '#libs/testing';
import { BodyPipe } from './body.pipe.js';
import { PredictAnyDto, PredictDto } from './predict.dto.js';

const sut = new BodyPipe(PredictDto);
const any = new BodyPipe(PredictAnyDto);

function errorsOf(body: unknown, pipe: BodyPipe<PredictDto> = sut) {
  const problem = problemOf(() => pipe.transform(body));
  expect(problem.code).toBe('invalid-request');
  return problem.errors ?? [];
}
const pointersOf = (body: unknown, pipe?: BodyPipe<PredictDto>) =>
  errorsOf(body, pipe).map(({ pointer }) => pointer);

const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${String(i)}`, 'v']));

describe('BodyPipe', () => {
  it('takes everything a submission may say', () => {
    const body = {
      inputs: [[1], [2]],
      parameters: { top_k: 1 },
      webhook: { url: 'https://example.com', events: ['failed', 'succeeded'] },
      priority: 'low',
      queue_timeout_s: 0.5,
      execution_timeout_s: 30,
      result_ttl_s: 60,
      metadata: pairs(16),
    };
    expect(sut.transform(body)).toEqual(body);
    expect(any.transform({ ...body, model: 'iris', version: '2' })).toMatchObject({
      model: 'iris',
    });
  });

  it.each([[0], [''], [false], [[]], [null], [{ constructor: 1 }]])(
    'leaves it to the model whether %j is an input',
    (input) => {
      expect(sut.transform({ input }).input).toEqual(input);
    },
  );

  it.each([null, [], 'text', 3, true])('refuses %j for a body', (body) => {
    expect(errorsOf(body)).toEqual([{ pointer: '', message: 'must be an object' }]);
  });

  it('refuses a request without a body as one whose body is empty', () => {
    expect(problemOf(() => sut.transform(undefined)).code).toBe('invalid-json');
  });

  it('wants exactly one of input and inputs', () => {
    expect(errorsOf({})).toEqual([{ pointer: '', message: 'must have input or inputs' }]);
    expect(errorsOf({ input: 1, inputs: [1] })).toEqual([
      { pointer: '', message: 'must have input or inputs, not both' },
    ]);
  });

  it('wants 1 to 1000 instances', () => {
    expect(sut.transform({ inputs: Array(1000).fill(1) }).inputs).toHaveLength(1000);
    for (const inputs of [[], Array(1001).fill(1), {}, 'x', 5, { length: 3 }]) {
      expect(errorsOf({ inputs })).toEqual([
        { pointer: '/inputs', message: 'must be an array of 1 to 1000 instances' },
      ]);
    }
  });

  it.each<[string, unknown[]]>([
    ['parameters', ['x', 1, [], true]],
    ['webhook', ['https://example.com', 1, [], true]],
    ['priority', ['urgent', 'HIGH', '', 1, [], ['high'], true]],
    ['queue_timeout_s', ['60', 0, -1, 365 * 86_400 + 1, Infinity, NaN, true, [], [1], {}]],
    ['execution_timeout_s', ['60', 0, -0.5, 365 * 86_400 + 1, Infinity, NaN, true, [], {}]],
    ['result_ttl_s', ['60', 0, -1, 1.5, 365 * 86_400 + 1, Infinity, true, [], {}]],
    [
      'metadata',
      ['x', 1, [], ['a'], { a: 1 }, { a: null }, { a: {} }, { '': 'x' }, pairs(17)].concat([
        { ['k'.repeat(65)]: 'v' },
        { k: 'v'.repeat(513) },
      ]),
    ],
  ])('points at %s', (field, values) => {
    for (const value of values) {
      const pointers = pointersOf({ input: 1, [field]: value });
      expect(new Set(pointers)).toEqual(new Set([`/${field}`]));
    }
  });

  it.each<[Record<string, unknown>, string]>([
    [{ url: 5 }, '/webhook/url'],
    [{ url: `https://x/${'y'.repeat(2048)}` }, '/webhook/url'],
    [{ url: 'https://x', events: 'failed' }, '/webhook/events'],
    [{ url: 'https://x', events: ['born'] }, '/webhook/events'],
    [{ url: 'https://x', events: ['failed', 'failed'] }, '/webhook/events'],
    [{ url: 'https://x', secret: 'y' }, '/webhook/secret'],
    [{ url: 'https://x', constructor: 5 }, '/webhook/constructor'],
  ])('points into a webhook of %j', (webhook, pointer) => {
    expect(pointersOf({ input: 1, webhook })).toContain(pointer);
  });

  it.each([undefined, 5, '', 'a/b', '../x', 'a'.repeat(64), ['iris']])(
    'refuses %j for the name of a model',
    (model) => {
      expect(errorsOf({ input: 1, model }, any)).toEqual([
        { pointer: '/model', message: 'must be the name of a model' },
      ]);
    },
  );

  it.each([1, '0', '01', 'latest', '-1', '', '1.0'])('refuses %j for a version', (version) => {
    expect(pointersOf({ input: 1, model: 'iris', version }, any)).toEqual(['/version']);
  });

  it.each(['model', 'versions', 'a/b~c', 'toString', 'constructor', 'hasOwnProperty', 'then'])(
    'refuses the unknown field %s',
    (name) => {
      const pointer = `/${name.replace('~', '~0').replace('/', '~1')}`;
      expect(errorsOf({ input: 1, [name]: 5 })).toEqual([
        { pointer, message: 'is not a field of this request' },
      ]);
    },
  );

  it('does not let a body change its prototype', () => {
    const body: unknown = JSON.parse('{"input":1,"__proto__":{"result_ttl_s":-1}}');
    expect(pointersOf(body)).toEqual(['/__proto__']);
  });

  it('takes null for a field that is left out, as many clients write it', () => {
    const names = ['parameters', 'result_ttl_s', 'metadata', 'version', 'inputs'].concat([
      'priority',
      'queue_timeout_s',
      'execution_timeout_s',
    ]);
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    const dto = any.transform({ input: 1, model: 'iris', ...nulls });
    expect(Object.values(dto)).not.toContain(null);
    expect(errorsOf({ inputs: null })).toMatchObject([{ message: 'must have input or inputs' }]);
  });

  it('takes null for no webhook at all, and nothing for the default one', () => {
    expect(sut.transform({ input: 1, webhook: null }).webhook).toBeNull();
    expect(sut.transform({ input: 1 }).webhook).toBeUndefined();
    expect(sut.transform({ input: 1, webhook: { events: ['failed'], url: null } }).webhook).toEqual(
      { events: ['failed'] },
    );
    expect(sut.transform({ input: 1, webhook: {} }).webhook).toEqual({});
  });

  it('tells at most 20 errors, however wrong the body is', () => {
    expect(errorsOf({ input: 1, ...pairs(5000) })).toHaveLength(20);
  });
});

import { describe, expect, it } from '@jest/globals';
import { codeOf, pointedErrorsOf, problemOf } from '#libs/testing';
import { InputValidator } from './input-validator.js';
import { parseManifest } from './manifest.js';

function validator(yaml: string): InputValidator {
  return new InputValidator({ ...parseManifest(yaml, 'm'), model: 'm', version: '1' });
}

const TABULAR = `
input:
  kind: tabular
  fields:
    - { name: a, minimum: 0, maximum: 10, unit: cm }
    - { name: b/c~d }
    - { name: e, minimum: -1 }
output: { kind: classification, labels: [x, y] }
`;

describe('a validator of named fields', () => {
  const sut = validator(TABULAR);
  const good = { a: 1, 'b/c~d': 2, e: 3 };
  const one = (input: unknown, parameters?: unknown) =>
    pointedErrorsOf(() => sut.validate([input], false, parameters));

  it('takes them by name, in any order, or in a row', () => {
    expect(sut.validate([good, [1, 2, 3], { e: 0, 'b/c~d': -1e30, a: 10 }], true, {})).toEqual([]);
  });

  it('points at every field that is missing, unknown or no number', () => {
    expect(one({ a: '1', f: 1, e: null })).toEqual(
      expect.arrayContaining([
        { pointer: '/input/a', message: 'must be number' },
        { pointer: '/input/b~1c~0d', message: 'is missing' },
        { pointer: '/input/f', message: 'is not a field of this model' },
        { pointer: '/input/e', message: 'must be number' },
      ]),
    );
  });

  it.each(['constructor', '__proto__'])('knows whether a field called %s is there', (name) => {
    const fields = (missing: string) =>
      `input: { kind: tabular, fields: [{ name: ${name}, minimum: 0, missing: ${missing} }] }`;
    const required = pointedErrorsOf(() =>
      validator(fields('error')).validate([{}], false, undefined),
    );
    expect(required).toEqual([{ pointer: `/input/${name}`, message: 'is missing' }]);
    expect(validator(fields('nan')).validate([{}], false, undefined)).toEqual([]);
  });

  it('points into the instance of several that is wrong', () => {
    const errors = pointedErrorsOf(() => sut.validate([good, [1, true, 3]], true, undefined));
    expect(errors).toEqual([{ pointer: '/inputs/1/1', message: 'must be number' }]);
  });

  it.each([
    [[1, 2]],
    [[1, 2, 3, 4]],
    [[]],
    [[[1, 2, 3]]],
    [[1, 2, null]],
    [null],
    [undefined],
    [3],
    ['1,2,3'],
    [true],
    [{}],
  ])('refuses %j', (input) => {
    const [error] = one(input);
    expect(error?.pointer).toMatch(/^\/input/);
    expect(error?.message).not.toBe('');
  });

  it.each(['1e400', '-1e400', '3.5e38', '"NaN"', '"1"'])('refuses %s for a number', (text) => {
    expect(one(JSON.parse(`[${text},0,0]`))).toMatchObject([{ pointer: '/input/0' }]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('refuses the unknown field %s', (name) => {
    const input: unknown = JSON.parse(`{"a":1,"b/c~d":2,"e":3,"${name}":{"a":1}}`);
    expect(one(input)).toMatchObject([{ pointer: `/input/${name}` }]);
  });

  it('does not take a field from the prototype', () => {
    const input: unknown = JSON.parse('{"__proto__":{"a":1,"b/c~d":2,"e":3}}');
    expect(one(input).map(({ pointer }) => pointer)).toContain('/input/a');
  });

  it('tells at most 20 errors, whatever the body looks like', () => {
    const wide = Object.fromEntries(
      Array.from({ length: 300_000 }, (_, i) => [`k${String(i)}`, 0]),
    );
    expect(one(wide)).toHaveLength(20);
    expect(one(good, wide)).toHaveLength(20);
    const many = Array<unknown>(1000).fill([]);
    expect(pointedErrorsOf(() => sut.validate(many, true, undefined))).toHaveLength(20);
  });

  it('warns of values outside the declared range, and takes them', () => {
    const [first, second, ...more] = sut.validate([{ ...good, a: 10.5 }, [0, 0, -2]], true, {});
    expect(first?.pointer).toBe('/inputs/0/a');
    expect(first?.message).toContain('0 to 10 cm');
    expect(second?.pointer).toBe('/inputs/1/2');
    expect(second?.message).toContain('-1 to Infinity');
    expect(more).toEqual([]);
    const wide = Array<unknown>(1000).fill([11, 0, 0]);
    expect(sut.validate(wide, true, undefined)).toHaveLength(50);
  });

  it('checks the parameters of the call', () => {
    expect(sut.validate([good], false, { top_k: 2 })).toEqual([]);
    for (const parameters of [{ top_k: 0 }, { top_k: 3 }, { top_k: 1.5 }, { top_k: '1' }]) {
      expect(one(good, parameters)).toMatchObject([{ pointer: '/parameters/top_k' }]);
    }
    expect(one(good, { temperature: 1 })).toMatchObject([{ pointer: '/parameters/temperature' }]);
    expect(one(good, [])).toMatchObject([{ pointer: '/parameters' }]);
    expect(one(good, null)).toMatchObject([{ pointer: '/parameters' }]);
  });
});

describe('a validator of images', () => {
  const sut = validator('input: { kind: image, width: 8, height: 8, channels: rgb }');

  it('points at the image and says what is wrong with it', () => {
    const errors = pointedErrorsOf(() => sut.validate(['', 'iVBORw0KGgo=', 7], true, {}));
    expect(errors).toEqual([
      { pointer: '/inputs/0', message: 'must be an image in base64, and is empty' },
      { pointer: '/inputs/1', message: expect.stringContaining('is damaged') },
      { pointer: '/inputs/2', message: 'must be string' },
    ]);
  });

  it.each([
    [{ image: 7 }, '/input/image', 'must be string'],
    [{ image: '' }, '/input/image', 'must be an image in base64, and is empty'],
    [{ crop: [0, 0, 1, 1] }, '/input/image', 'is missing'],
    [{ image: '', mask: '' }, '/input/mask', 'is not a field of this model'],
    [{ image: '', crop: [0, 0, 1] }, '/input/crop', 'must NOT have fewer than 4 items'],
    [{ image: '', crop: [0, 0, 1, '1'] }, '/input/crop/3', 'must be number'],
    [{ image: '', crop: [0, -1, 1, 1] }, '/input/crop/1', 'must be >= 0'],
    [{ image: '', crop: [0, 0, 1, 0] }, '/input/crop/3', 'must be above 0'],
    [{ image: '', crop: null }, '/input/crop', 'must be array'],
    [[''], '/input', 'must be string'],
  ])('points into a picture with a part: %p', (instance, pointer, message) => {
    const errors = pointedErrorsOf(() => sut.validate([instance], false, {}));
    expect(errors).toEqual([{ pointer, message }]);
  });

  it('refuses an image that is none of those it takes with a problem of its own', () => {
    const { code, errors } = problemOf(() => sut.validate(['aGk=', ''], true, {}));
    expect(code).toBe('unsupported-media-type');
    expect(errors).toEqual([
      { pointer: '/inputs/0', message: 'must be a JPEG, PNG, WebP, AVIF or GIF image' },
    ]);
  });
});

describe('a validator of a raw graph', () => {
  it('is not ready before the graph was opened', () => {
    expect(codeOf(() => validator('{}'))).toBe('not-ready');
  });
});

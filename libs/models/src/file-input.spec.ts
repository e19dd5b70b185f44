import { describe, expect, it } from '@jest/globals';
import type { VersionDescription } from '#libs/contracts';
import { fileInputOf } from './file-input.js';

const version = (about: object = {}) =>
  ({ model: 'm', version: '1', input: { kind: 'image' }, ...about }) as VersionDescription;
const sut = fileInputOf(version());
const URL = 'https://example.com/a.png';

describe('fileInputOf', () => {
  it.each([
    [URL, URL],
    ['HTTP://example.com', 'HTTP://example.com'],
    [{ image: URL, crop: [0, 0, 1, 1] }, URL],
    ['iVBORw0KGgo=', undefined],
    ['data:image/png;base64,aHR0cHM6', undefined],
    ['ftp://example.com', undefined],
    [` ${URL}`, undefined],
    [{ image: 'iVBORw0KGgo=' }, undefined],
    [{ url: URL }, undefined],
    [[URL], undefined],
    [null, undefined],
  ])('finds in %j the URL %p', (instance, url) => {
    expect(sut?.urlOf(instance)).toBe(url);
  });

  it('puts the file where its URL stood, and says where that is', () => {
    expect(sut?.withFile(URL, 'abcd')).toBe('abcd');
    const cropped = { image: URL, crop: [0, 0, 1, 1] };
    expect(sut?.withFile(cropped, 'abcd')).toEqual({ image: 'abcd', crop: [0, 0, 1, 1] });
    expect(sut?.pointerIn(URL, '/input')).toBe('/input');
    expect(sut?.pointerIn(cropped, '/inputs/0')).toBe('/inputs/0/image');
  });

  it('says what submission would have said of the file', () => {
    const of = (text: string) => Buffer.from(text).toString('base64');
    expect(sut?.problemOf(of('<html>'))).toMatchObject({
      code: 'unsupported-media-type',
      detail: expect.stringMatching(/^Its file must be .*\.$/) as unknown,
      retryable: false,
    });
    const cropped = { image: of('<html>'), crop: [0, 0, 0, 1] };
    expect(sut?.problemOf(cropped)).toMatchObject({
      code: 'invalid-input',
      detail: '/crop/2 must be above 0.',
    });
  });

  it('has nothing for instances that are no files, or for a preprocess', () => {
    expect(fileInputOf(version({ input: { kind: 'tabular', fields: [] } }))).toBeUndefined();
    expect(fileInputOf(version({ hooks: ['preprocess'] }))).toBeUndefined();
  });
});

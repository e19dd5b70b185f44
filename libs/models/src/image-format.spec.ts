import { describe, expect, it } from '@jest/globals';
import { base64Part, imageComplaint, imageFormat } from './image-format.js';

const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
const textBase64 = (text: string) => Buffer.from(text).toString('base64');
const hex = (size: number, bytes: number) => size.toString(16).padStart(2 * bytes, '0');

const png = (width: number, height: number, more = '') =>
  `89504e470d0a1a0a0000000d49484452${hex(width, 4)}${hex(height, 4)}080000000000000000${more}`;
const IEND = '0000000049454e4400000000';
const FRAME = (width: number, height: number) =>
  `ffc0000b08${hex(height, 2)}${hex(width, 2)}01010000`;
const jpeg = (width: number, height: number, more = '') =>
  `ffd8ffe00006ffd90000ffff${FRAME(width, height).slice(2)}ffda0002aa${more}`;
const webp = (chunk: string) => `52494646${hex(chunk.length / 2 + 4, 1)}00000057454250${chunk}`;
const lossless = webp(`5650384c0a0000002f07c00100${'0'.repeat(16)}`);
const lossy = webp(`56503820000000000000009d012a08000800${'0'.repeat(8)}`);
const extended = (flags: string, side = '070000') =>
  webp(`565038580a000000${flags}000000${side}${side}`);

const PNG = base64(png(8, 8, IEND));
const TAKEN = {
  png: PNG,
  'png without its end': base64(png(8, 8)),
  jpeg: base64(jpeg(8, 8, 'ffd9')),
  'jpeg with padding': base64(jpeg(8, 8, 'ffd90000')),
  'jpeg with a preview': base64(jpeg(8, 8, `ffd9${jpeg(2, 2, 'ffd9')}`)),
  'lossless webp': base64(lossless),
  'lossy webp': base64(lossy),
  'extended webp': base64(extended('10')),
  'as many pixels as there may be': base64(png(50_000, 1000)),
};

describe('imageComplaint', () => {
  it.each(Object.entries(TAKEN))('takes a %s, plain or as a data URI', (name, text) => {
    expect(imageComplaint(text)).toBeNull();
    const type = /png|jpeg|webp/.exec(name)?.[0] ?? 'png';
    expect(imageComplaint(`DATA:image/${type};BASE64,${text}`)).toBeNull();
  });

  it.each([
    ['', 'empty'],
    ['data:image/png;base64,', 'empty'],
    ['data:text/plain;base64,aGk=', 'base64'],
    ['data:image/png,rawbytes', 'base64'],
    ['https://example.com/cat.png', 'base64'],
    ['C:\\cat.png', 'base64'],
    [PNG.slice(0, 9), 'base64'],
    [`${PNG.slice(0, 4)} ${PNG.slice(4)}`, 'base64'],
    [`${PNG.slice(0, 4)}=${PNG.slice(4)}`, 'base64'],
    [`${PNG}===`, 'base64'],
    [`${PNG}%`, 'base64'],
    ['\u0000', 'base64'],
    [base64(png(8, 8).slice(0, 40)), 'damaged'],
    [base64(png(0, 8)), 'damaged'],
    [base64('ffd8ffe000104a464946'), 'damaged'],
    [base64('ffd8ffffffffffffffff'), 'damaged'],
    [base64(webp(`414c5048${'0'.repeat(40)}`)), 'damaged'],
    [base64(lossless.slice(0, 40)), 'damaged'],
  ])('finds %p invalid', (text, message) => {
    expect(imageComplaint(text)).toEqual({
      code: 'invalid-input',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    [base64('474946383961'), 'PNG, JPEG or WebP'],
    [base64('25504446'), 'PNG, JPEG or WebP'],
    [base64('52494646aaaaaaaa57415645'), 'PNG, JPEG or WebP'],
    [base64('8950'), 'PNG, JPEG or WebP'],
    [textBase64('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'PNG, JPEG or WebP'],
    [textBase64('<?xml version="1.0"?><!DOCTYPE svg>'), 'PNG, JPEG or WebP'],
    [`data:image/svg+xml;base64,${PNG}`, 'is said to be image/svg+xml'],
    [`data:image/jpg;base64,${PNG}`, 'is said to be image/jpg'],
    [base64(png(8, 8, `000000086163544c${'0'.repeat(24)}${IEND}`)), 'animation'],
    [base64(extended('02')), 'animation'],
    [base64(png(8, 8, `${IEND}504b0506`)), 'behind its end'],
    [base64(jpeg(8, 8, 'ffd9504b0506')), 'behind its end'],
    [base64(`${lossless}504b0506`), 'behind its end'],
  ])('does not take %p', (text, message) => {
    expect(imageComplaint(text)).toEqual({
      code: 'unsupported-media-type',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    png(14_000, 14_000),
    png(2 ** 32 - 1, 2 ** 32 - 1),
    jpeg(65_535, 65_535, 'ffd9'),
    extended('10', 'ffff00'),
  ])('finds the picture %p too large', (bytes) => {
    expect(imageComplaint(base64(bytes))?.code).toBe('payload-too-large');
  });
});

describe('image formats', () => {
  it('are told by their first bytes', () => {
    expect(imageFormat(Buffer.from(base64Part(base64(lossless)), 'base64'))).toBe('webp');
    expect(imageFormat(new Uint8Array())).toBeNull();
  });
});

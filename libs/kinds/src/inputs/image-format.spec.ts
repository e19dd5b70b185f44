import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
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

const hex16 = (size: number) => Buffer.from(Uint16Array.of(size).buffer).toString('hex');
const gif = (frames: string, width = 8, height = 8) =>
  `474946383961${hex16(width)}${hex16(height)}000000${frames}`;
const COMMENT = '21fe0568656c6c6f026f6b00';
const GIF_FRAME = (width = 8, height = 8, left = 0) =>
  `2c${hex16(left)}0000${hex16(width)}${hex16(height)}000202440100`;
const box = (type: string, content = '') =>
  `${hex(8 + content.length / 2, 4)}${Buffer.from(type).toString('hex')}${content}`;
const ispe = (width: number, height: number) =>
  box('ispe', `00000000${hex(width, 4)}${hex(height, 4)}`);
const ftyp = (...brands: string[]) =>
  box('ftyp', brands.map((brand) => Buffer.from(brand).toString('hex')).join('00000000'));
const meta = (...properties: string[]) =>
  box('meta', `00000000${box('iprp', box('ipco', properties.join('')))}`);
const avif = (...boxes: string[]) => [ftyp('avif', 'mif1'), ...boxes].join('');

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
  gif: base64(gif(`${COMMENT}${GIF_FRAME()}3b`)),
  'gif without its end': base64(gif(GIF_FRAME())),
  'gif of several frames, of which the first counts': base64(gif(`${GIF_FRAME().repeat(3)}3b`)),
  avif: base64(avif(meta(ispe(8, 8)), box('mdat', 'aa'))),
  'avif that is cut off': base64(avif(meta(ispe(8, 8)), '00000100', '6d646174aaaa')),
  'avif to the end of the file': base64(avif(meta(ispe(8, 8)), '00000000', '6d646174aaaa')),
  'avif with a long size': base64(avif(meta(ispe(8, 8)), '00000001', '6d646174', hex(17, 8), 'aa')),
  'as many pixels as there may be': base64(png(50_000, 1000)),
};

describe('imageComplaint', () => {
  it.each(Object.entries(TAKEN))('takes a %s, plain or as a data URI', (name, text) => {
    expect(imageComplaint(text)).toBeNull();
    const type = /png|jpeg|webp|gif|avif/.exec(name)?.[0] ?? 'png';
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
    [base64(gif('3b')), 'damaged'],
    [base64(gif('')), 'damaged'],
    [base64(gif('').slice(0, 20)), 'damaged'],
    [base64(gif(GIF_FRAME(0, 0) + '3b', 0, 0)), 'damaged'],
    [base64(gif(GIF_FRAME().slice(0, 16))), 'damaged'],
    [base64(gif('21fe' + 'ff'.repeat(300))), 'damaged'],
    [base64(avif()), 'damaged'],
    [base64(avif(meta())), 'damaged'],
    [base64(avif(meta(ispe(0, 8)))), 'damaged'],
    [base64(avif(meta(box('ispe', '00000000')))), 'damaged'],
    [base64(avif(meta(ispe(8, 8)).slice(0, -8))), 'damaged'],
    [base64(avif(box('meta'))), 'damaged'],
    [base64(avif('00000001', '6d657461', 'ffffffffffffffff')), 'damaged'],
    [base64(avif('00000001', '6d657461', '0000000000000000')), 'damaged'],
    [base64(`00000004${ftyp('avif').slice(8)}`), 'damaged'],
  ])('finds %p invalid', (text, message) => {
    expect(imageComplaint(text)).toEqual({
      code: 'invalid-input',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    [base64('49492a0008000000'), 'JPEG, PNG, WebP, AVIF or GIF'],
    [base64(ftyp('heic', 'mif1')), 'JPEG, PNG, WebP, AVIF or GIF'],
    [base64(box('ftyp')), 'JPEG, PNG, WebP, AVIF or GIF'],
    [base64('25504446'), 'JPEG, PNG, WebP, AVIF or GIF'],
    [base64('52494646aaaaaaaa57415645'), 'JPEG, PNG, WebP, AVIF or GIF'],
    [base64('8950'), 'JPEG, PNG, WebP, AVIF or GIF'],
    [textBase64('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'JPEG, PNG, WebP, AVIF or GIF'],
    [textBase64('<?xml version="1.0"?><!DOCTYPE svg>'), 'JPEG, PNG, WebP, AVIF or GIF'],
    [`data:image/svg+xml;base64,${PNG}`, 'is said to be image/svg+xml'],
    [`data:image/jpg;base64,${PNG}`, 'is said to be image/jpg'],
    [base64(png(8, 8, `000000086163544c${'0'.repeat(24)}${IEND}`)), 'animation'],
    [base64(extended('02')), 'animation'],
    [base64(png(8, 8, `${IEND}504b0506`)), 'behind its end'],
    [base64(jpeg(8, 8, 'ffd9504b0506')), 'behind its end'],
    [base64(`${lossless}504b0506`), 'behind its end'],
    [base64(gif(`${GIF_FRAME()}3b504b0506`)), 'behind its end'],
    [base64(avif(meta(ispe(8, 8)), '504b03041400000008000000')), 'behind its end'],
    [base64(avif(meta(ispe(8, 8)), '3c7363726970743e')), 'behind its end'],
    [base64(ftyp('avis', 'avif') + meta(ispe(8, 8))), 'animation'],
    [base64(avif(meta(ispe(8, 8)), box('moov'))), 'animation'],
    [`data:image/avif;base64,${base64(gif(`${GIF_FRAME()}3b`))}`, 'is said to be image/avif'],
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
    gif(`${GIF_FRAME()}3b`, 65_535, 65_535),
    gif(`${GIF_FRAME(65_535, 65_535, 65_535)}3b`),
    avif(meta(ispe(2 ** 32 - 1, 2 ** 32 - 1))),
    avif(meta(ispe(8, 8), ispe(9000, 9000), ispe(4, 4))),
  ])('finds the picture %p too large', (bytes) => {
    expect(imageComplaint(base64(bytes))?.code).toBe('payload-too-large');
  });
});

describe('image formats', () => {
  it('cost no more than to read on, however their sizes are chosen', () => {
    const random = fc.uint8Array({ maxLength: 400 });
    const heads = [png(8, 8), jpeg(8, 8), lossless, gif(''), avif()];
    fc.assert(
      fc.property(fc.constantFrom(...heads), random, (head, rest) => {
        const bytes = Buffer.concat([Buffer.from(head, 'hex'), rest]);
        imageComplaint(bytes.toString('base64'));
      }),
      { numRuns: 2000 },
    );
  });

  it('are told by their first bytes', () => {
    expect(imageFormat(Buffer.from(base64Part(base64(lossless)), 'base64'))).toBe('webp');
    expect(imageFormat(new Uint8Array())).toBeNull();
  });
});

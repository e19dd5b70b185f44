import { describe, expect, it } from '@jest/globals';
import { base64Part, imageComplaint, imageFormat } from './image-format.js';

const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
const PNG = base64('89504e470d0a1a0a0000000d49484452');
const JPEG = base64('ffd8ffe000104a464946');
const WEBP = base64('524946461a000000574542505650384c');
const textBase64 = (text: string) => Buffer.from(text).toString('base64');

describe('imageComplaint', () => {
  it.each([PNG, JPEG, WEBP])('takes %s, plain or as a data URI', (text) => {
    expect(imageComplaint(text)).toBeNull();
    expect(imageComplaint(`data:image/png;base64,${text}`)).toBeNull();
    expect(imageComplaint(`DATA:image/svg+xml;BASE64,${text}`)).toBeNull();
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
    [base64('474946383961'), 'PNG, JPEG or WebP'],
    [base64('25504446'), 'PNG, JPEG or WebP'],
    [base64('52494646aaaaaaaa57415645'), 'PNG, JPEG or WebP'],
    [base64('8950'), 'PNG, JPEG or WebP'],
    [textBase64('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'PNG, JPEG or WebP'],
    [textBase64('<?xml version="1.0"?><!DOCTYPE svg>'), 'PNG, JPEG or WebP'],
  ])('refuses %p', (text, reason) => {
    expect(imageComplaint(text)).toContain(reason);
  });
});

describe('image formats', () => {
  it('are told by their first bytes', () => {
    expect(imageFormat(Buffer.from(base64Part(WEBP), 'base64'))).toBe('webp');
    expect(imageFormat(new Uint8Array())).toBeNull();
  });
});

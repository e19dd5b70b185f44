import { describe, expect, it } from '@jest/globals';
import { answerText } from './answer-text.js';

const read = (body: Buffer | string, encoding?: string) =>
  answerText(encoding === undefined ? {} : { 'content-encoding': encoding }, Buffer.from(body));

describe('answerText', () => {
  it('keeps text as it is', () => {
    expect(read('{"grüß": "日本 👩‍💻"}\n\tend')).toBe('{"grüß": "日本 👩‍💻"}\n\tend');
    expect(read('a\r\nb', 'identity')).toBe('a\nb');
  });

  it('is null for none and for what is compressed', () => {
    expect(read('')).toBeNull();
    expect(read('x', 'gzip')).toBeNull();
    expect(read('x', 'identity, br')).toBeNull();
  });

  it.each([1, 2, 3])('leaves out a character of which %d bytes are there', (bytes) => {
    const cut = Buffer.concat([Buffer.from('ok'), Buffer.from('😀').subarray(0, bytes)]);
    expect(read(cut)).toBe('ok');
  });

  it('makes what is not UTF-8, and what controls a terminal, harmless', () => {
    expect(read(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\uFFFDb');
    expect(read('a\x1b[2Jb\0c\rd\x7fe\u0085f')).toBe('a\uFFFD[2Jb\uFFFDc\uFFFDd\uFFFDe\uFFFDf');
    expect(read('a\u202Eb\u2066c')).toBe('a\uFFFDb\uFFFDc');
  });
});

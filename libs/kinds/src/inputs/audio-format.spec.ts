import { describe, expect, it } from '@jest/globals';
import { readRecording } from './audio-format.js';
import { chunk, format, pcm, riff, samplesOf, wav } from './testing/wav.js';

const MONO = { encoding: 'pcm_s16le', rate: 8000 } as const;
const SAMPLES = samplesOf([0, 0.5], 'pcm_s16le');

function base64(...chunks: Buffer[]): string {
  return riff(...chunks).toString('base64');
}

describe('readRecording', () => {
  it('tells what a WAV file is, whatever stands before its data', () => {
    const list = chunk('LIST', Buffer.from('odd'));
    const file = wav([0, 0.5, 0, 0.5], { ...MONO, channels: 2, chunks: [list] });
    expect(readRecording(file, 1)).toMatchObject({
      encoding: 'pcm_s16le',
      channels: 2,
      sampleRate: 8000,
      length: 2,
    });
  });

  it('reads the extensible format', () => {
    const fmt = Buffer.concat([format('pcm_f32le', 8000), Buffer.alloc(24)]);
    fmt.writeUInt16LE(0xfffe, 0);
    fmt.writeUInt16LE(3, 24);
    const file = base64(chunk('fmt ', fmt), chunk('data', samplesOf([0.5], 'pcm_f32le')));
    expect(readRecording(file, 1)).toMatchObject({ encoding: 'pcm_f32le', length: 1 });
  });

  it('takes what was recorded to a pipe for as long as it is', () => {
    const file = wav([0, 0.5], { ...MONO, claimedBytes: 0xffff_ffff });
    expect(readRecording(file, 1)).toMatchObject({ length: 2 });
  });

  it('leaves out half a sample at the end', () => {
    const file = base64(
      chunk('fmt ', format('pcm_s16le', 8000)),
      chunk('data', Buffer.concat([SAMPLES, Buffer.alloc(1)])),
    );
    expect(readRecording(file, 1)).toMatchObject({ length: 2 });
  });

  it.each([
    ['nothing', '', 'invalid-input', 'empty'],
    ['no base64', 'a b c d', 'invalid-input', 'must be base64'],
    ['an MP3', Buffer.from('ID3\u0004 music').toString('base64'), 'unsupported-media-type', 'WAV'],
    ['another data URI', 'data:audio/mpeg;base64,AAAA', 'unsupported-media-type', 'WAV'],
    ['no chunk', base64(), 'invalid-input', 'damaged'],
    ['no format', base64(chunk('data', SAMPLES)), 'invalid-input', 'damaged'],
    [
      'half a format',
      base64(chunk('fmt ', Buffer.alloc(8)), chunk('data', SAMPLES)),
      'invalid-input',
      'damaged',
    ],
    ['no data', base64(chunk('fmt ', format('pcm_s16le', 8000))), 'invalid-input', 'damaged'],
    [
      'a chunk without end',
      base64(chunk('LIST', Buffer.alloc(0), 0xffff_ffff)),
      'invalid-input',
      'damaged',
    ],
    ['no samples', wav([], MONO), 'invalid-input', 'no samples'],
    [
      'no channel',
      base64(chunk('fmt ', format('pcm_s16le', 8000, 0)), chunk('data', SAMPLES)),
      'invalid-input',
      'channels',
    ],
    [
      '65,535 channels',
      base64(chunk('fmt ', format('pcm_s16le', 8000, 65_535)), chunk('data', SAMPLES)),
      'invalid-input',
      'channels',
    ],
    ['no rate', wav([0], { ...MONO, rate: 0 }), 'invalid-input', 'samples a second'],
    [
      'a rate beyond all',
      wav([0], { ...MONO, rate: 1_000_000 }),
      'invalid-input',
      'samples a second',
    ],
    [
      'more than is allowed',
      wav(Array<number>(8001).fill(0), MONO),
      'payload-too-large',
      'at most 1 s',
    ],
  ])('refuses %s', (_, file, code, message) => {
    expect(readRecording(file, 1)).toEqual({ code, message: expect.stringContaining(message) });
  });

  it('refuses samples that are compressed', () => {
    const fmt = format('pcm_s16le', 8000);
    fmt.writeUInt16LE(2, 0);
    expect(readRecording(base64(chunk('fmt ', fmt), chunk('data', SAMPLES)), 1)).toEqual({
      code: 'unsupported-media-type',
      message: expect.stringContaining('format 2'),
    });
  });

  it('refuses raw PCM that is no base64, or too long', () => {
    const long = pcm(Array<number>(8001).fill(0), 'pcm_s16le', 8000);
    expect(readRecording(long, 1)).toMatchObject({ code: 'payload-too-large' });
    expect(readRecording({ ...long, pcm: '!' }, 1)).toEqual({
      code: 'invalid-input',
      message: 'must be base64',
      field: 'pcm',
    });
  });

  it('takes no memory for what a file only claims', () => {
    const cues = chunk('cue ', Buffer.from('ffffffff', 'hex'), 4);
    const file = wav([0, 0.5], { ...MONO, chunks: [cues], claimedBytes: 0x7fff_ffff });
    expect(readRecording(file, 1)).toMatchObject({ length: 2 });
  });

  it('passes over any number of small chunks', () => {
    const small = chunk('xxxx', Buffer.alloc(0));
    const file = wav([0.5], {
      ...MONO,
      chunks: [Buffer.concat(Array<Buffer>(200_000).fill(small))],
    });
    expect(readRecording(file, 1)).toMatchObject({ length: 1 });
  });
});

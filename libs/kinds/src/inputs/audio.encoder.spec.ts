import { describe, expect, it } from '@jest/globals';
import type { TensorInfo } from '#libs/contracts';
import { ManifestMismatch } from '../errors.js';
import { AudioEncoder } from './audio.encoder.js';
import { audio, type AudioInput } from './audio.input.js';
import { Resampler } from './resampler.js';
import { pcm, wav } from './testing/wav.js';

const RATE = 8000;

function specOf(input: Record<string, unknown> = {}): AudioInput {
  return audio.settings.parse({ kind: 'audio', sample_rate: RATE, ...input });
}

async function encoder(
  input: Record<string, unknown> = {},
  shape: TensorInfo['shape'] = ['N', 'T'],
): Promise<AudioEncoder> {
  return AudioEncoder.open(specOf(input), [{ name: 'x', dtype: 'float32', shape }]);
}

async function samples(instance: unknown, input: Record<string, unknown> = {}): Promise<number[]> {
  return Array.from((await encoder(input)).prepare(instance));
}

function sine(hz: number, rate: number, seconds: number): number[] {
  const step = (2 * Math.PI * hz) / rate;
  return Array.from({ length: rate * seconds }, (_, i) => 0.5 * Math.sin(step * i));
}

describe('AudioEncoder', () => {
  it.each([
    ['pcm_u8', 1 / 128],
    ['pcm_s16le', 1 / 32768],
    ['pcm_s24le', 1e-6],
    ['pcm_s32le', 1e-6],
    ['pcm_f32le', 1e-7],
    ['pcm_f64le', 1e-7],
  ] as const)('reads %s', async (encoding, tolerance) => {
    const given = [0, 0.5, -0.5, -1, 0.25];
    const read = await samples(wav(given, { encoding, rate: RATE }));
    expect(read).toHaveLength(given.length);
    read.forEach((value, i) => {
      expect(Math.abs(value - (given[i] ?? 9))).toBeLessThanOrEqual(tolerance);
    });
  });

  it('mixes channels down to their mean', async () => {
    const stereo = wav([1, 0, -0.5, 0.5], { encoding: 'pcm_f32le', rate: RATE, channels: 2 });
    expect(await samples(stereo)).toEqual([0.5, 0]);
  });

  it('takes data URIs and raw PCM alike', async () => {
    const given = [0.5, -0.25];
    const file = wav(given, { encoding: 'pcm_f32le', rate: RATE });
    expect(await samples(`data:audio/wav;base64,${file}`)).toEqual(given);
    expect(await samples(pcm(given, 'pcm_f32le', RATE))).toEqual(given);
    expect(await samples(pcm(given, 'pcm_s16le', RATE))).toEqual(given);
  });

  it.each([
    [44_100, RATE],
    [48_000, 16_000],
    [11_025, RATE],
    [RATE, 16_000],
  ])('resamples from %d Hz to %d Hz', async (from, to) => {
    const resampler = await Resampler.open(to);
    const made = resampler.resample(Float32Array.from(sine(440, from, 1)), from);
    expect(made).toHaveLength(to);
    // Both ends are between sound and silence.
    const wanted = sine(440, to, 1);
    for (let i = 200; i < to - 200; i++) expect(made[i]).toBeCloseTo(wanted[i] ?? 9, 4);
  });

  it('resamples what is longer than a call of the library takes', async () => {
    const resampler = await Resampler.open(RATE);
    const made = resampler.resample(Float32Array.from(sine(440, 44_100, 50)), 44_100);
    expect(made).toHaveLength(50 * RATE);
    const wanted = sine(440, RATE, 50);
    let worst = 0;
    for (let i = 200; i < made.length - 200; i++) {
      worst = Math.max(worst, Math.abs((made[i] ?? 9) - (wanted[i] ?? 9)));
    }
    expect(worst).toBeLessThan(1e-4);
  });

  it('gives the same whatever it resampled before', async () => {
    const resampler = await Resampler.open(RATE);
    const low = Float32Array.from(sine(440, 16_000, 1));
    const first = resampler.resample(low, 16_000);
    resampler.resample(Float32Array.from(sine(99, 44_100, 1)), 44_100);
    expect(resampler.resample(low, 16_000)).toEqual(first);
  });

  it('lets nothing through that the new rate cannot hold', async () => {
    const resampler = await Resampler.open(RATE);
    const made = resampler.resample(Float32Array.from(sine(6000, 44_100, 1)), 44_100);
    expect(Math.max(...made.subarray(200, -200).map(Math.abs))).toBeLessThan(1e-3);
  });

  it('cuts and fills up to a length', async () => {
    const given = wav([0.5, 0.5, 0.5], { encoding: 'pcm_f32le', rate: RATE });
    expect(await samples(given, { length: 2 })).toEqual([0.5, 0.5]);
    expect(await samples(given, { length: 5 })).toEqual([0.5, 0.5, 0.5, 0, 0]);
    expect(await samples(given, { length_ms: 0.5 })).toHaveLength(4);
  });

  it('normalises by the peak, or to a mean of 0 and a variance of 1', async () => {
    const given = wav([0.25, -0.5], { encoding: 'pcm_f32le', rate: RATE });
    expect(await samples(given, { normalize: 'peak' })).toEqual([0.5, -1]);
    expect(await samples(given, { normalize: 'variance' })).toEqual([1, -1]);
    const silence = wav([0, 0], { encoding: 'pcm_f32le', rate: RATE });
    expect(await samples(silence, { normalize: 'peak' })).toEqual([0, 0]);
    expect(await samples(silence, { normalize: 'variance' })).toEqual([0, 0]);
  });

  it('cuts recordings into frames', async () => {
    const frame = { length: 3, hop: 2 };
    const sut = await encoder({ frame, length: 6 }, ['N', 2, 3]);
    const one = sut.prepare(pcm([0, 0.125, 0.25, 0.375, 0.5, 0.625], 'pcm_f32le', RATE));
    expect(sut.encode([one], 2)).toEqual({
      x: {
        data: Float32Array.from([0, 0.125, 0.25, 0.25, 0.375, 0.5, 0, 0, 0, 0, 0, 0]),
        shape: [2, 3],
      },
    });
  });

  it('takes frames in milliseconds', () => {
    const { frame } = specOf({ frame: { length_ms: 25, hop_ms: 10 } });
    expect(frame).toEqual({ length: 200, hop: 80 });
  });

  it('lets recordings share a run that are equally long, or have equally many frames', async () => {
    const variable = await encoder();
    expect(variable.laneOf(new Float32Array(7))).not.toBe(variable.laneOf(new Float32Array(8)));
    const framed = await encoder({ frame: { length: 4, hop: 4 } }, ['N', 'F', 4]);
    expect(framed.laneOf(new Float32Array(8))).toBe(framed.laneOf(new Float32Array(11)));
    const short = framed.prepare(pcm([0.5], 'pcm_f32le', RATE));
    expect(framed.encode([short], 1)).toEqual({
      x: { data: Float32Array.from([0.5, 0, 0, 0]), shape: [1, 4] },
    });
  });

  it('refuses samples that are no numbers', async () => {
    const sut = await encoder();
    const bad = pcm([0, Number.NaN], 'pcm_f32le', RATE);
    expect(() => sut.prepare(bad)).toThrow('not finite');
  });

  it.each([
    [{ length: 5 }, ['N', 4], '[5]'],
    [{}, ['N', 4], 'must give input.length'],
    [{ length: 6, frame: { length: 3, hop: 2 } }, ['N', 3, 3], '[2, 3]'],
  ])('refuses a graph that takes other sound: %j for %j', async (input, shape, expected) => {
    const opened = encoder(input, shape);
    await expect(opened).rejects.toThrow(expected);
    await expect(opened).rejects.toThrow(ManifestMismatch);
  });

  it.each([
    [{ length: 1, length_ms: 1 }, 'not both'],
    [{ length: 2, frame: { length: 3, hop: 1 } }, 'longer than the recording'],
    [{ sample_rate: 999 }, '>=1000'],
    [{ frame: { length: 3, hop_ms: 1 } }, 'Invalid input'],
  ])('refuses settings that cannot be: %j', (input, expected) => {
    expect(() => specOf(input)).toThrow(expected);
  });
});

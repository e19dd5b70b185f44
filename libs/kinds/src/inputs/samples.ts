import type { Recording } from './audio-format.js';
import { SAMPLE_BYTES, type SampleEncoding } from './wav-header.js';

/** Reads a sample at a place in bytes, as -1 to 1. */
const READERS: Record<SampleEncoding, (bytes: Buffer, at: number) => number> = {
  pcm_u8: (bytes, at) => (bytes.readUInt8(at) - 2 ** 7) / 2 ** 7,
  pcm_s16le: (bytes, at) => bytes.readInt16LE(at) / 2 ** 15,
  pcm_s24le: (bytes, at) => bytes.readIntLE(at, 3) / 2 ** 23,
  pcm_s32le: (bytes, at) => bytes.readInt32LE(at) / 2 ** 31,
  pcm_f32le: (bytes, at) => bytes.readFloatLE(at),
  pcm_f64le: (bytes, at) => bytes.readDoubleLE(at),
};

/** Of integers -1 to 1, of floats what they are; several channels become their mean. */
export function monoSamples({ encoding, channels, samples, length }: Recording): Float32Array {
  const read = READERS[encoding];
  const size = SAMPLE_BYTES[encoding];
  const mono = new Float32Array(length);
  for (let i = 0, at = 0; i < length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += size) sum += read(samples, at);
    mono[i] = sum / channels;
  }
  return mono;
}

/** Divided by the largest of them, so that it becomes 1; silence stays silence. In place. */
export function normalizePeak(samples: Float32Array): void {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  if (peak === 0) return;
  for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] ?? 0) / peak;
}

/** So that their mean becomes 0 and their variance 1; silence stays silence. In place. */
export function normalizeVariance(samples: Float32Array): void {
  let sum = 0;
  for (const sample of samples) sum += sample;
  const mean = sum / samples.length;
  let squares = 0;
  for (const sample of samples) squares += (sample - mean) ** 2;
  const deviation = Math.sqrt(squares / samples.length);
  for (let i = 0; i < samples.length; i++) {
    samples[i] = deviation === 0 ? 0 : ((samples[i] ?? 0) - mean) / deviation;
  }
}

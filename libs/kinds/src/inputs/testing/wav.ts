import { SAMPLE_BYTES, type SampleEncoding } from '../wav-header.js';

const WRITERS: Record<SampleEncoding, (bytes: Buffer, value: number, at: number) => void> = {
  pcm_u8: (bytes, value, at) =>
    bytes.writeUInt8(Math.round(value * 127) + 128 - (value === -1 ? 1 : 0), at),
  pcm_s16le: (bytes, value, at) => bytes.writeInt16LE(scaled(value, 15), at),
  pcm_s24le: (bytes, value, at) => bytes.writeIntLE(scaled(value, 23), at, 3),
  pcm_s32le: (bytes, value, at) => bytes.writeInt32LE(scaled(value, 31), at),
  pcm_f32le: (bytes, value, at) => bytes.writeFloatLE(value, at),
  pcm_f64le: (bytes, value, at) => bytes.writeDoubleLE(value, at),
};

function scaled(value: number, bits: number): number {
  return Math.min(2 ** bits - 1, Math.round(value * 2 ** bits));
}

export interface WavOptions {
  encoding: SampleEncoding;
  rate: number;
  channels?: number;
  /** Between the format and the data. */
  chunks?: Buffer[];
  /** What the header says of the data's size; absent: the truth. */
  claimedBytes?: number;
}

export function samplesOf(values: readonly number[], encoding: SampleEncoding): Buffer {
  const size = SAMPLE_BYTES[encoding];
  const bytes = Buffer.alloc(values.length * size);
  values.forEach((value, i) => WRITERS[encoding](bytes, value, i * size));
  return bytes;
}

export function chunk(name: string, body: Buffer, claimedBytes = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(claimedBytes, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

export function format(encoding: SampleEncoding, rate: number, channels = 1): Buffer {
  const size = SAMPLE_BYTES[encoding];
  const body = Buffer.alloc(16);
  body.writeUInt16LE(encoding.startsWith('pcm_f') ? 3 : 1, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(rate, 4);
  body.writeUInt32LE((rate * size * channels) >>> 0, 8);
  body.writeUInt16LE((size * channels) & 0xffff, 12);
  body.writeUInt16LE(size * 8, 14);
  return body;
}

export function riff(...chunks: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  return chunk('RIFF', body);
}

/** A WAV file in base64. */
export function wav(values: readonly number[], options: WavOptions): string {
  const { encoding, rate, channels, chunks = [], claimedBytes } = options;
  const data = chunk('data', samplesOf(values, encoding), claimedBytes);
  return riff(chunk('fmt ', format(encoding, rate, channels)), ...chunks, data).toString('base64');
}

/** Raw PCM, as an instance. */
export function pcm(values: readonly number[], encoding: SampleEncoding, rate: number) {
  return { pcm: samplesOf(values, encoding).toString('base64'), sample_rate: rate, encoding };
}

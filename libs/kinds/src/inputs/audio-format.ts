import { isRecord, type ProblemCode } from '#libs/contracts';
import { isWav, SAMPLE_BYTES, type SampleEncoding, wavHeader } from './wav-header.js';

/** Samples of other rates are refused. Hz. */
export const SAMPLE_RATES = { lowest: 1000, highest: 192_000 } as const;
/** Recordings with more channels are no stereo, and not surround either. */
const MAX_CHANNELS = 8;

/** What samples of raw PCM may be. */
export const PCM_ENCODINGS = ['pcm_s16le', 'pcm_f32le'] as const;

/** A recording as it came: nothing of it has been copied or converted. */
export interface Recording {
  encoding: SampleEncoding;
  channels: number;
  /** Hz. */
  sampleRate: number;
  /** Whole frames, channels side by side. */
  samples: Buffer;
  /** Of each channel. */
  length: number;
}

/** What is wrong with a recording, and which problem that is. */
export interface AudioComplaint {
  code: Extract<ProblemCode, 'invalid-input' | 'unsupported-media-type' | 'payload-too-large'>;
  message: string;
  /** Of an instance that is an object: where it is. */
  field?: string;
}

const DATA_URI = /^data:audio\/(?:wav|wave|x-wav|vnd\.wave)(?:;[a-z0-9=.-]+)*;base64,/i;
const ANY_DATA_URI = /^data:/i;

/**
 * Reads a recording that fits the schema: a WAV file (base64, or a data URI), or raw PCM. What it costs follows
 * from the bytes that are there, never from what they claim.
 * @param maxDurationS longer ones are refused.
 * @returns what is wrong with it, where something is.
 */
export function readRecording(instance: unknown, maxDurationS: number): Recording | AudioComplaint {
  const source = isRecord(instance) ? rawPcm(instance) : wavFile(instance as string);
  if ('message' in source) return source;
  const { encoding, channels, sampleRate } = source;
  if (channels < 1 || channels > MAX_CHANNELS) {
    return invalid(`must have 1 to ${String(MAX_CHANNELS)} channels, has ${String(channels)}`);
  }
  const { lowest, highest } = SAMPLE_RATES;
  if (sampleRate < lowest || sampleRate > highest) {
    const range = `${String(lowest)} to ${String(highest)}`;
    return invalid(`must have ${range} samples a second, has ${String(sampleRate)}`);
  }
  const frameBytes = channels * SAMPLE_BYTES[encoding];
  const length = Math.floor(source.samples.length / frameBytes);
  if (length === 0) return invalid('has no samples');
  if (length > maxDurationS * sampleRate) {
    const message = `must last at most ${String(maxDurationS)} s, lasts ${(length / sampleRate).toFixed(1)} s`;
    return { code: 'payload-too-large', message };
  }
  return { ...source, samples: source.samples.subarray(0, length * frameBytes), length };
}

type Source = Omit<Recording, 'length'>;

function rawPcm({ pcm, sample_rate, encoding }: Record<string, unknown>): Source | AudioComplaint {
  const samples = decoded(pcm as string);
  if (!samples) return { ...invalid('must be base64'), field: 'pcm' };
  return {
    encoding: encoding as SampleEncoding,
    channels: 1,
    sampleRate: sample_rate as number,
    samples,
  };
}

function wavFile(text: string): Source | AudioComplaint {
  const prefix = DATA_URI.exec(text.slice(0, 128));
  if (!prefix && ANY_DATA_URI.test(text)) {
    return unsupported('must be a WAV file: data:audio/wav;base64,…');
  }
  const bytes = decoded(prefix ? text.slice(prefix[0].length) : text);
  if (!bytes) return invalid('must be base64 or a data URI (data:audio/wav;base64,…)');
  if (bytes.length === 0) return invalid('must be a recording in base64, and is empty');
  if (!isWav(bytes)) return unsupported('must be a WAV file, or raw PCM');
  const header = wavHeader(bytes);
  if (header === null) return invalid('is damaged: its header does not say what is in it');
  if (typeof header === 'string') {
    return unsupported(`must have samples of integers or floats, has ${header}`);
  }
  return header;
}

/** Node's decoder skips what is not base64; so the text is right only if nothing was skipped. */
function decoded(text: string): Buffer | null {
  if (text.length % 4 === 1) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (padding > 0 && text.length % 4 !== 0) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor(((text.length - padding) * 3) / 4) ? bytes : null;
}

function invalid(message: string): AudioComplaint {
  return { code: 'invalid-input', message };
}

function unsupported(message: string): AudioComplaint {
  return { code: 'unsupported-media-type', message };
}

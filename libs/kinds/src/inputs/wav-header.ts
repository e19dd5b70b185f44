/** How samples stand in a file or in raw PCM, in the words of ffmpeg. */
export const SAMPLE_BYTES = {
  pcm_u8: 1,
  pcm_s16le: 2,
  pcm_s24le: 3,
  pcm_s32le: 4,
  pcm_f32le: 4,
  pcm_f64le: 8,
} as const;
export type SampleEncoding = keyof typeof SAMPLE_BYTES;

/** Where a WAV file has its samples, and what they are. */
export interface WavHeader {
  encoding: SampleEncoding;
  channels: number;
  sampleRate: number;
  /** The samples, channels side by side. A view, not a copy. */
  samples: Buffer;
}

/** Code of a format, and bits of a sample. */
const ENCODINGS: ReadonlyMap<string, SampleEncoding> = new Map([
  ['1/8', 'pcm_u8'],
  ['1/16', 'pcm_s16le'],
  ['1/24', 'pcm_s24le'],
  ['1/32', 'pcm_s32le'],
  ['3/32', 'pcm_f32le'],
  ['3/64', 'pcm_f64le'],
]);

const CHUNKS_AT = 12;
const FORMAT_BYTES = 16;
/** The code stands further on. */
const EXTENSIBLE = 0xfffe;
const EXTENDED_CODE_AT = 24;

export function isWav(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WAVE';
}

/**
 * Reads nothing but the chunk of the format, and finds that of the data: the api has use for no more, and
 * libraries read every chunk, as often as a hostile file says. No size that the file claims is
 * trusted: whoever records to a pipe writes the largest there is, so samples end where the file does.
 * @returns null where the header is damaged; a text where samples are of a kind that is not read.
 */
export function wavHeader(bytes: Buffer): WavHeader | string | null {
  let format: Buffer | undefined;
  for (let at = CHUNKS_AT; at + 8 <= bytes.length;) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const chunk = bytes.subarray(at + 8, at + 8 + size);
    if (name === 'fmt ') format = chunk;
    if (name === 'data') return format ? headerOf(format, chunk) : null;
    // Chunks begin at even places.
    at += 8 + size + (size % 2);
  }
  return null;
}

function headerOf(format: Buffer, samples: Buffer): WavHeader | string | null {
  if (format.length < FORMAT_BYTES) return null;
  let code = format.readUInt16LE(0);
  if (code === EXTENSIBLE) {
    if (format.length < EXTENDED_CODE_AT + 2) return null;
    code = format.readUInt16LE(EXTENDED_CODE_AT);
  }
  const bits = format.readUInt16LE(14);
  const encoding = ENCODINGS.get(`${String(code)}/${String(bits)}`);
  if (!encoding) return `format ${String(code)} with ${String(bits)} bits a sample`;
  return {
    encoding,
    channels: format.readUInt16LE(2),
    sampleRate: format.readUInt32LE(4),
    samples,
  };
}

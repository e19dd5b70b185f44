import type { create as Create } from '@alexanderolsen/libsamplerate-js';

type Converter = Awaited<ReturnType<typeof Create>>;

/** Of what the library takes in a call it would cut what is longer by itself, and lose most of it. */
const MAX_CALL_SAMPLES = 1_000_000;
/** What a part is given besides, before and behind: many times the length of the filter. */
const CONTEXT_S = 1;

/** Resamples to one rate by libsamplerate's medium sinc filter, which lets nothing through that would alias. */
export class Resampler {
  private constructor(
    private readonly converter: Converter,
    private readonly rate: number,
  ) {}

  /** @param rate that all are brought to, Hz. */
  static async open(rate: number): Promise<Resampler> {
    const { default: library } = await import('@alexanderolsen/libsamplerate-js');
    const { create, ConverterType } = library;
    const converterType = ConverterType.SRC_SINC_MEDIUM_QUALITY;
    return new Resampler(await create(1, rate, rate, { converterType }), rate);
  }

  /**
   * @param from Hz.
   * @returns `samples` themselves where they have the rate already; else as many as last equally long.
   */
  resample(samples: Float32Array, from: number): Float32Array {
    const { converter, rate } = this;
    if (from === rate) return samples;
    if (converter.inputSampleRate !== from) converter.inputSampleRate = from;
    const resampled = new Float32Array(Math.max(1, Math.round((samples.length * rate) / from)));
    // Parts of whole seconds begin at a sample of either rate.
    const partS = Math.floor(MAX_CALL_SAMPLES / Math.max(from, rate)) - 2 * CONTEXT_S;
    for (let startS = 0; startS * from < samples.length; startS += partS) {
      const contextS = Math.min(startS, CONTEXT_S);
      const first = (startS - contextS) * from;
      const part = samples.subarray(first, (startS + partS + CONTEXT_S) * from);
      const done = converter.simple(part).subarray(contextS * rate, (contextS + partS) * rate);
      const room = resampled.length - startS * rate;
      if (room > 0) resampled.set(done.subarray(0, room), startS * rate);
    }
    return resampled;
  }
}

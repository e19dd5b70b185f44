import type { TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor, requireFloat32, requireShape } from '../graph.js';
import type { InputEncoder } from '../input-kind.js';
import { type Batch, sizeOf } from '../tensors.js';
import { readRecording } from './audio-format.js';
import type { AudioInput } from './audio.input.js';
import { Resampler } from './resampler.js';
import { monoSamples, normalizePeak, normalizeVariance } from './samples.js';

/**
 * A recording → float32 `[samples]`, or `[frames, samples of a frame]`: its channels' mean, resampled, cut or
 * filled up with silence where the manifest gives a length, normalised.
 */
export class AudioEncoder implements InputEncoder {
  readonly tensor: string;
  readonly sample: Float32Array;

  static async open(spec: AudioInput, inputs: TensorInfo[]): Promise<AudioEncoder> {
    return new AudioEncoder(await Resampler.open(spec.sample_rate), spec, inputs);
  }

  constructor(
    private readonly resampler: Resampler,
    private readonly spec: AudioInput,
    inputs: TensorInfo[],
  ) {
    const { length, sample_rate, frame } = spec;
    const tensor = findTensor(inputs, spec.tensor, 'input');
    requireFloat32(tensor);
    // Where any length will do, a second is as good as another.
    this.sample = new Float32Array(length ?? Math.max(sample_rate, frame?.length ?? 1));
    if (length === undefined && typeof tensor.shape[1] === 'number') {
      throw new ManifestMismatch(
        `the graph's ${tensor.name} has [${tensor.shape.join(', ')}], so that model.yaml must give input.length`,
      );
    }
    requireShape(tensor, this.shapeOf(this.sample.length), 'sound of');
    this.tensor = tensor.name;
  }

  /** @returns samples at the manifest's rate. @throws InstanceError */
  prepare(instance: unknown): Float32Array {
    const { length, normalize, frame, max_duration_s: maxDurationS } = this.spec;
    const recording = readRecording(instance, maxDurationS);
    if ('message' in recording) throw new InstanceError(`the recording ${recording.message}`);
    const mono = monoSamples(recording);
    if (!mono.every(Number.isFinite)) {
      throw new InstanceError('the recording has samples that are not finite numbers');
    }
    const samples = this.resampler.resample(mono, recording.sampleRate);
    const fitted = new Float32Array(length ?? Math.max(samples.length, frame?.length ?? 1));
    fitted.set(samples.subarray(0, fitted.length));
    if (normalize === 'peak') normalizePeak(fitted);
    if (normalize === 'variance') normalizeVariance(fitted);
    return fitted;
  }

  /** Of those that may have any length, only equally long ones share a run. */
  laneOf(samples: unknown): string {
    return String(this.shapeOf((samples as Float32Array).length)[0]);
  }

  encode(recordings: readonly unknown[], rows: number): Batch {
    const shape = this.shapeOf((recordings[0] as Float32Array).length);
    const size = sizeOf(shape);
    const data = new Float32Array(rows * size);
    recordings.forEach((samples, row) => {
      this.lay(samples as Float32Array, data.subarray(row * size, (row + 1) * size));
    });
    return { [this.tensor]: { data, shape } };
  }

  /** Of a recording of so many samples. What is too short for another frame at its end is left out. */
  private shapeOf(samples: number): number[] {
    const { frame } = this.spec;
    if (!frame) return [samples];
    return [1 + Math.floor((samples - frame.length) / frame.hop), frame.length];
  }

  private lay(samples: Float32Array, into: Float32Array): void {
    const { frame } = this.spec;
    if (!frame) {
      into.set(samples);
      return;
    }
    for (let at = 0, from = 0; at < into.length; at += frame.length, from += frame.hop) {
      into.set(samples.subarray(from, from + frame.length), at);
    }
  }
}

import type { TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import type { InstanceContext } from '../input-kind.js';
import type { CallParameters, OutputDecoder } from '../output-kind.js';
import { type Batch, type Rows, sizeOf } from '../tensors.js';
import type { EmbeddingOutput } from './embedding.output.js';

/** Vectors of tokens → one vector, as JSON numbers or as the base64 of little-endian float32. */
export class EmbeddingDecoder implements OutputDecoder {
  readonly tensors: readonly [string];
  /** How the graph calls the number of tokens, where it leaves that open. */
  private readonly symbol: string | number | undefined;

  /** @throws ManifestMismatch */
  constructor(
    private readonly spec: EmbeddingOutput,
    outputs: TensorInfo[],
  ) {
    const tensor = findTensor(outputs, spec.tensor, 'output');
    if (!tensor.dtype.startsWith('float')) {
      throw new ManifestMismatch(`the graph's ${tensor.name} is ${tensor.dtype}, and no float`);
    }
    const expected =
      spec.pooling === 'none' ? '[batch, dimensions]' : '[batch, tokens, dimensions]';
    if (tensor.shape.length !== (spec.pooling === 'none' ? 2 : 3)) {
      throw new ManifestMismatch(
        `pooling ${spec.pooling} is of ${expected}, but the graph's ${tensor.name} has [${tensor.shape.join(', ')}]`,
      );
    }
    const width = tensor.shape.at(-1);
    const { min_dimensions: least } = spec;
    if (typeof width === 'number' && least !== undefined && least > width) {
      throw new ManifestMismatch(
        `output.min_dimensions is ${String(least)}, but the graph's ${tensor.name} has ${String(width)}`,
      );
    }
    this.tensors = [tensor.name];
    this.symbol = tensor.shape[1];
  }

  decode(
    outputs: Batch,
    row: number,
    parameters: CallParameters,
    context?: InstanceContext,
  ): string {
    const rows = outputs[this.tensors[0]];
    if (!rows) throw new InstanceError('the model gave no embedding');
    const whole = this.pooled(rows, row, this.tokensOf(rows, context));
    const dimensions = parameters['dimensions'] as number | undefined;
    const vector = dimensions === undefined ? whole : whole.subarray(0, dimensions);
    if (this.spec.normalize) normalise(vector);
    if (!vector.every(Number.isFinite)) {
      throw new InstanceError('the model gave an embedding that is not finite numbers');
    }
    const made =
      parameters['encoding_format'] === 'base64' ? base64(vector) : JSON.stringify([...vector]);
    return `{"embedding":${made}}`;
  }

  /** The text's own: what it was filled up with counts for nothing. */
  private tokensOf({ shape }: Rows, context?: InstanceContext): number {
    const named = typeof this.symbol === 'string' ? context?.lengths?.get(this.symbol) : undefined;
    return context?.tokens ?? named ?? shape[0] ?? 0;
  }

  private pooled({ data, shape }: Rows, row: number, tokens: number): Float32Array {
    const values = data as Float32Array;
    const width = shape.at(-1) ?? 0;
    const start = row * sizeOf(shape);
    const { pooling } = this.spec;
    if (pooling === 'mean') return meanOf(values.subarray(start, start + tokens * width), width);
    const from = start + (pooling === 'last_token' ? tokens - 1 : 0) * width;
    return Float32Array.from(values.subarray(from, from + width));
  }
}

/** Of vectors behind one another. */
function meanOf(values: Float32Array, width: number): Float32Array {
  const sums = new Float64Array(width);
  for (let from = 0; from < values.length; from += width) {
    for (let i = 0; i < width; i++) sums[i] = (sums[i] ?? 0) + (values[from + i] ?? 0);
  }
  const count = values.length / width;
  return Float32Array.from(sums, (sum) => sum / count);
}

/** In place, to length 1; zeros stay. */
function normalise(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return;
  const norm = Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / norm;
}

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return `"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"`;
}

import type { RegressionOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { type Batch, sizeOf } from '../tensors.js';
import type { OutputDecoder } from './output-decoder.js';
import { round } from './rounding.js';

/** One number → `{value}`: `value × std + mean`, clipped to the declared range, rounded. */
export class RegressionDecoder implements OutputDecoder {
  readonly tensors: readonly [string];

  constructor(
    private readonly spec: RegressionOutput,
    outputs: TensorInfo[],
  ) {
    this.tensors = [findTensor(outputs, spec.tensor, 'output').name];
  }

  decode(outputs: Batch, row: number): string {
    const { mean, std, minimum = -Infinity, maximum = Infinity, decimals } = this.spec;
    const output = outputs[this.tensors[0]];
    const given = sizeOf(output?.shape ?? []);
    if (given !== 1) {
      throw new ManifestMismatch(`a number was expected, but the graph gave ${String(given)}`);
    }
    const value = Number(output?.data[row]) * std + mean;
    if (!Number.isFinite(value)) {
      throw new InstanceError('the model gave a value that is not a finite number');
    }
    const rounded = round(Math.min(Math.max(value, minimum), maximum), decimals);
    return `{"value":${String(rounded)}}`;
  }
}

import type { RegressionOutput, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { sizeOf } from '../tensors.js';
import type { OutputDecoder, OutputRow } from './output-decoder.js';
import { round } from './rounding.js';

/** One number → `{value}`: `value × std + mean`, clipped to the declared range, rounded. */
export class RegressionDecoder implements OutputDecoder {
  private readonly tensor: string;

  constructor(
    private readonly spec: RegressionOutput,
    outputs: TensorInfo[],
  ) {
    this.tensor = findTensor(outputs, spec.tensor, 'output').name;
  }

  decode(row: OutputRow): unknown {
    const { mean, std, minimum = -Infinity, maximum = Infinity, decimals } = this.spec;
    const output = row[this.tensor];
    const given = sizeOf(output?.shape ?? []);
    if (given !== 1) {
      throw new ManifestMismatch(`a number was expected, but the graph gave ${String(given)}`);
    }
    const value = Number(output?.data[output.offset]) * std + mean;
    if (!Number.isFinite(value)) {
      throw new InstanceError('the model gave a value that is not a finite number');
    }
    return { value: round(Math.min(Math.max(value, minimum), maximum), decimals) };
  }
}

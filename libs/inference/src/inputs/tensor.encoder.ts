import { isRecord, type TensorInfo } from '#libs/contracts';
import { flatten, type Row } from '../tensors.js';
import type { InputEncoder } from './input-encoder.js';

/** Nested arrays by input name, or by themselves where the graph has one input. */
export class TensorEncoder implements InputEncoder {
  constructor(private readonly inputs: TensorInfo[]) {}

  encode(instance: unknown): Row {
    const named = isRecord(instance) ? instance : { [this.inputs[0]?.name ?? '']: instance };
    return Object.fromEntries(
      this.inputs.map(({ name, dtype }) => [name, flatten(named[name], dtype)]),
    );
  }
}

import type { TensorInfo } from '#libs/contracts';
import { nest } from '../tensors.js';
import type { OutputDecoder, OutputRow } from './output-decoder.js';

/** The graph's own outputs as nested arrays, by name. */
export class TensorDecoder implements OutputDecoder {
  constructor(private readonly outputs: TensorInfo[]) {}

  decode(row: OutputRow): unknown {
    return Object.fromEntries(
      this.outputs.map(({ name, dtype }) => {
        const output = row[name];
        return [name, output ? nest(output.data, output.offset, output.shape, dtype) : null];
      }),
    );
  }
}

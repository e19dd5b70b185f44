import type { TensorInfo } from '#libs/contracts';
import type { InstanceContext } from '../input-kind.js';
import { type Batch, nest, sizeOf } from '../tensors.js';
import type { CallParameters, OutputDecoder } from '../output-kind.js';

/** The graph's own outputs as nested arrays, by name, cut back to what the instance filled. */
export class TensorDecoder implements OutputDecoder {
  readonly tensors: readonly string[];

  constructor(private readonly outputs: TensorInfo[]) {
    this.tensors = outputs.map(({ name }) => name);
  }

  decode(
    batch: Batch,
    row: number,
    _parameters: CallParameters,
    context?: InstanceContext,
  ): string {
    const values = this.outputs.map(({ name, dtype, shape: declared }) => {
      const output = batch[name];
      if (!output) return [name, null];
      const cut = output.shape.map((size, i) => {
        // From the end, because an instance's shape may lack the batch dimension in front.
        const own = context?.lengths?.get(String(declared.at(i - output.shape.length)));
        return own === undefined ? size : Math.min(size, own);
      });
      return [name, nest(output, row * sizeOf(output.shape), dtype, cut)];
    });
    return JSON.stringify(Object.fromEntries(values));
  }
}

import type { TabularInput, TensorInfo } from '#libs/contracts';
import { findTensor, requireFloat32, requireShape } from '../graph.js';
import type { Batch } from '../tensors.js';
import type { InputEncoder } from './input-encoder.js';

/** Rows of named numbers, in an object or in the manifest's order → float32 `[fields]`, scaled. */
export class TabularEncoder implements InputEncoder {
  readonly tensor: string;
  readonly sample: number[];

  constructor(
    private readonly spec: TabularInput,
    inputs: TensorInfo[],
  ) {
    const tensor = findTensor(inputs, spec.tensor, 'input');
    requireFloat32(tensor);
    requireShape(tensor, [spec.fields.length], 'fields');
    this.tensor = tensor.name;
    this.sample = spec.fields.map(({ mean }) => mean);
  }

  encode(instances: readonly unknown[], rows: number): Batch {
    const { fields } = this.spec;
    const data = new Float32Array(rows * fields.length);
    // Column by column: an object's field is then read by one name at a time, which V8 does fast.
    fields.forEach(({ name, mean, std }, column) => {
      let at = column;
      for (const instance of instances) {
        const value = Array.isArray(instance)
          ? (instance as number[])[column]
          : (instance as Record<string, number>)[name];
        data[at] = ((value ?? NaN) - mean) / std;
        at += fields.length;
      }
    });
    return { [this.tensor]: { data, shape: [fields.length] } };
  }
}

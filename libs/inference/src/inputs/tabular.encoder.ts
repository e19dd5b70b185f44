import type { TabularInput, TensorInfo } from '#libs/contracts';
import { findTensor, requireFloat32, requireShape } from '../graph.js';
import type { Row } from '../tensors.js';
import type { InputEncoder } from './input-encoder.js';

/** A row of named numbers, in an object or in the manifest's order → float32 `[fields]`, scaled. */
export class TabularEncoder implements InputEncoder {
  private readonly tensor: string;

  constructor(
    private readonly spec: TabularInput,
    inputs: TensorInfo[],
  ) {
    const tensor = findTensor(inputs, spec.tensor, 'input');
    requireFloat32(tensor);
    requireShape(tensor, [spec.fields.length], 'fields');
    this.tensor = tensor.name;
  }

  encode(instance: unknown): Row {
    const { fields } = this.spec;
    const data = new Float32Array(fields.length);
    fields.forEach((field, i) => {
      const value = Array.isArray(instance)
        ? (instance as number[])[i]
        : (instance as Record<string, number>)[field.name];
      data[i] = ((value ?? NaN) - field.mean) / field.std;
    });
    return { [this.tensor]: { data, shape: [fields.length] } };
  }
}

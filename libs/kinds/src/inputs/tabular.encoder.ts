import type { TabularInput, TensorInfo } from '#libs/contracts';
import { findTensor, requireFloat32, requireShape } from '../graph.js';
import type { Batch } from '../tensors.js';
import { columnsOf, type FieldColumns } from './field.columns.js';
import type { InputEncoder } from '../input-kind.js';

/** Rows of named values, in an object or in the manifest's order → float32 `[columns]`. */
export class TabularEncoder implements InputEncoder {
  readonly tensor: string;
  readonly sample: unknown[];
  private readonly fields: readonly FieldColumns[];
  private readonly width: number;

  constructor(spec: TabularInput, inputs: TensorInfo[]) {
    const tensor = findTensor(inputs, spec.tensor, 'input');
    this.fields = spec.fields.map(columnsOf);
    this.width = this.fields.reduce((sum, { width }) => sum + width, 0);
    requireFloat32(tensor);
    requireShape(tensor, [this.width], this.width === spec.fields.length ? 'fields' : 'columns');
    this.tensor = tensor.name;
    this.sample = this.fields.map(({ sample }) => sample);
  }

  encode(instances: readonly unknown[], rows: number): Batch {
    const { width } = this;
    const data = new Float32Array(rows * width);
    // Field by field: an object's field is then read by one name at a time, which V8 does fast.
    let column = 0;
    for (const field of this.fields) {
      field.write(instances, data, column, width);
      column += field.width;
    }
    return { [this.tensor]: { data, shape: [width] } };
  }
}

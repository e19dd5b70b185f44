import { Tensor } from 'onnxruntime-node';
import type { TensorData } from '#libs/kinds';

/*
 * The native half of onnxruntime-node 1.30 exchanges float16 as raw bits (Uint16Array). Its JavaScript
 * half looks once, at its first tensor, whether there is a Float16Array, and would from then on hand over
 * those, which the native half takes for empty. So it must not see one when it looks.
 */
const native = globalThis.Float16Array;
Reflect.deleteProperty(globalThis, 'Float16Array');
new Tensor('float16', new Uint16Array(1), [1]);
globalThis.Float16Array = native;

/** Elements as onnxruntime-node takes them. */
export function toWire(data: TensorData): TensorData {
  return data instanceof Float16Array
    ? new Uint16Array(data.buffer, data.byteOffset, data.length)
    : data;
}

/** Elements as onnxruntime-node gave them. */
export function fromWire(type: string, data: TensorData): TensorData {
  return type === 'float16' && data instanceof Uint16Array
    ? new Float16Array(data.buffer, data.byteOffset, data.length)
    : data;
}

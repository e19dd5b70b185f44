import type { Dtype } from '#libs/contracts';

/** Elements of a tensor, row-major. 64-bit integers are bigint, strings a plain array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Float16Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[];

/** One instance's part of a tensor: `shape` is without the batch dimension. */
export interface Block {
  data: TensorData;
  shape: number[];
}

/** One instance as the graph takes it, by input name. */
export type Row = Record<string, Block>;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Float16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies Record<Exclude<Dtype, 'string'>, unknown>;

/** Zeros, or empty strings. */
export function allocate(dtype: Dtype, length: number): TensorData {
  return dtype === 'string' ? Array<string>(length).fill('') : new ARRAYS[dtype](length);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Copies blocks of equal shape behind one another: the data of a batch. */
export function concatenate(dtype: Dtype, blocks: readonly Block[]): TensorData {
  const [first] = blocks;
  if (!first) return allocate(dtype, 0);
  if (blocks.length === 1) return first.data;
  const size = first.data.length;
  const whole = allocate(dtype, size * blocks.length);
  blocks.forEach(({ data }, row) => {
    if (Array.isArray(whole)) data.forEach((value, i) => (whole[row * size + i] = String(value)));
    else (whole as Float32Array).set(data as Float32Array, row * size);
  });
  return whole;
}

/** Flattens nested arrays that have been checked against `shape`. */
export function flatten(value: unknown, dtype: Dtype): Block {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const data = allocate(dtype, sizeOf(shape));
  let at = 0;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else (data as unknown[])[at++] = toElement(node, dtype);
  };
  visit(value);
  return { data, shape };
}

function toElement(value: unknown, dtype: Dtype): unknown {
  if (dtype === 'int64' || dtype === 'uint64') return BigInt(value as number | string);
  if (dtype === 'bool') return value === true ? 1 : 0;
  return value;
}

/** Nested arrays for JSON, from `size` elements that start at `offset`. */
export function nest(
  data: ArrayLike<unknown>,
  offset: number,
  shape: readonly number[],
  dtype: Dtype,
): unknown {
  const [length, ...rest] = shape;
  if (length === undefined) return toJson(data[offset], dtype);
  const step = sizeOf(rest);
  return Array.from({ length }, (_, i) => nest(data, offset + i * step, rest, dtype));
}

/** JSON has no NaN, no infinities and no integers beyond 2^53: those become strings. */
function toJson(value: unknown, dtype: Dtype): unknown {
  if (dtype === 'bool') return Boolean(value);
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

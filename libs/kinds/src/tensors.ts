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

/** Rows of a tensor behind one another; `shape` is that of one row. */
export interface Rows {
  data: TensorData;
  shape: readonly number[];
}

/** What a run takes or gives, by the graph's name. */
export type Batch = Record<string, Rows>;

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

/** Full of `value`: zeros, unless said otherwise. Of strings, empty ones. */
export function allocate(dtype: Dtype, length: number, value = 0): TensorData {
  if (dtype === 'string') return Array<string>(length).fill('');
  const data = new ARRAYS[dtype](length);
  if (value === 0) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return data.fill(BigInt(value));
  }
  return data.fill(dtype === 'bool' ? 1 : value);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Copies the last of `used` rows into the rest of `rows`. */
export function repeatLastRow(batch: Batch, used: number, rows: number): void {
  for (const { data, shape } of Object.values(batch)) {
    const size = sizeOf(shape);
    const elements = data as Float32Array;
    for (let row = used; row < rows; row++) {
      elements.copyWithin(row * size, (used - 1) * size, used * size);
    }
  }
}

/** How far apart neighbours of each dimension are. */
function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)));
}

/**
 * Writes nested arrays into a block of `shape` that starts at `offset`. A dimension in which they are
 * shorter keeps what is there behind them.
 */
export function flattenInto(
  { data, shape }: Rows,
  offset: number,
  value: unknown,
  dtype: Dtype,
): void {
  const strides = stridesOf(shape);
  const into = data as unknown[];
  const visit = (node: unknown, depth: number, at: number): void => {
    const stride = strides[depth];
    if (stride === undefined) {
      into[at] = toElement(node, dtype);
      return;
    }
    const items = node as unknown[];
    for (let i = 0; i < items.length; i++) visit(items[i], depth + 1, at + i * stride);
  };
  visit(value, 0, offset);
}

function toElement(value: unknown, dtype: Dtype): unknown {
  if (dtype === 'int64' || dtype === 'uint64') return BigInt(value as number | string | boolean);
  return value;
}

/**
 * Nested arrays for JSON, from a block that starts at `offset`.
 * @param cut the part of the block that is wanted, from its start: all of it, unless filled up.
 */
export function nest(
  { data, shape }: Rows,
  offset: number,
  dtype: Dtype,
  cut: readonly number[] = shape,
): unknown {
  const strides = stridesOf(shape);
  const visit = (depth: number, at: number): unknown => {
    const stride = strides[depth];
    if (stride === undefined) return toJson(data[at], dtype);
    return Array.from({ length: cut[depth] ?? 0 }, (_, i) => visit(depth + 1, at + i * stride));
  };
  return visit(0, offset);
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

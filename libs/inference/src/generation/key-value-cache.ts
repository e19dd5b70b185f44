import type { Dtype } from '#libs/contracts';
import { allocate, type TensorData } from '#libs/kinds';
import type { CacheTensor } from './decoder-layout.js';

/** A tensor as it goes into a graph and comes out of it; its elements are as onnxruntime-node has them. */
export interface GraphTensor {
  readonly type: Dtype;
  readonly data: TensorData;
  readonly dims: readonly number[];
}

/** A sequence as its row of a cache sees it. */
export interface CachedRow {
  /** Tokens whose keys and values are in the row: its last so many columns. */
  cached: number;
}

/**
 * Keys and values of sequences that are decoded together, a row each. Rows are filled up at their left to
 * the longest; what stands there is never looked at.
 */
export interface KeyValueCache<R extends CachedRow> {
  readonly rows: readonly R[];
  /** Columns of every row. */
  readonly columns: number;
  /** In the order of the layout. */
  readonly tensors: readonly GraphTensor[];
}

/** A cache with nothing in it, for rows that are about to begin. */
export function emptyCache<R extends CachedRow>(
  layout: readonly CacheTensor[],
  rows: readonly R[],
): KeyValueCache<R> {
  return { rows, columns: 0, tensors: layout.map((of) => tensorOf(of, rows.length, 0)) };
}

/**
 * The rows that are wanted of several caches in one, no wider than the longest of them. Only where rows
 * come or go is anything copied.
 */
export function gather<R extends CachedRow>(
  layout: readonly CacheTensor[],
  caches: readonly KeyValueCache<R>[],
  isWanted: (row: R) => boolean,
): KeyValueCache<R> {
  const rows = caches.flatMap((cache) => cache.rows.filter(isWanted));
  const columns = Math.max(0, ...rows.map(({ cached }) => cached));
  const [only, ...others] = caches;
  if (only && others.length === 0 && only.rows.length === rows.length && only.columns === columns) {
    return only;
  }
  const tensors = layout.map((of, i) => {
    const into = tensorOf(of, rows.length, columns);
    let at = 0;
    for (const cache of caches) {
      const from = cache.tensors[i];
      cache.rows.forEach((row, place) => {
        if (from && isWanted(row)) copyRow(of, { from, place, into, at: at++ }, row.cached);
      });
    }
    return into;
  });
  return { rows, columns, tensors };
}

/**
 * Frees tensors that are done with, at once. Every token makes new ones of the size of the cache: left to
 * the garbage collector, which sees little of them, they cost a third more time and twice the memory.
 */
export function release(tensors: readonly GraphTensor[]): void {
  for (const { data } of tensors) {
    if (ArrayBuffer.isView(data)) (data.buffer as ArrayBuffer).transfer(0);
  }
}

function tensorOf({ dtype, heads, size }: CacheTensor, rows: number, columns: number): GraphTensor {
  const dims = [rows, heads, columns, size];
  // The native half takes float16 as raw bits.
  const wire = dtype === 'float16' ? 'uint16' : dtype;
  return { type: dtype, data: allocate(wire, rows * heads * columns * size), dims };
}

interface RowCopy {
  from: GraphTensor;
  place: number;
  into: GraphTensor;
  at: number;
}

/** The last `cached` columns of each head stand together, at the end of what is the head's. */
function copyRow({ heads, size }: CacheTensor, copy: RowCopy, cached: number): void {
  const { from, place, into, at } = copy;
  const source = from.data as Float32Array;
  const target = into.data as Float32Array;
  const length = cached * size;
  const width = (from.dims[2] ?? 0) * size;
  const newWidth = (into.dims[2] ?? 0) * size;
  for (let head = 0; head < heads; head++) {
    const end = (place * heads + head + 1) * width;
    target.set(source.subarray(end - length, end), (at * heads + head + 1) * newWidth - length);
  }
}

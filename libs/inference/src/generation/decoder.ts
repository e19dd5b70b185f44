import type { Dtype } from '#libs/contracts';
import { allocate, type TensorData } from '#libs/kinds';
import type { DecoderLayout } from './decoder-layout.js';
import {
  type CachedRow,
  type GraphTensor,
  type KeyValueCache,
  release,
} from './key-value-cache.js';
import type { Scores } from './sampler.js';

/** Runs a graph. @returns those of its outputs that are asked for, in that order. */
export type RunGraph = (
  feeds: Readonly<Record<string, GraphTensor>>,
  outputs: readonly string[],
) => Promise<GraphTensor[]>;

/** A sequence as a decoder sees it. */
export interface DecodedRow extends CachedRow {
  /** Of the prompt, and those that were generated. */
  readonly tokens: readonly number[];
}

/** What follows the last tokens of rows. */
export interface Decoded<R extends CachedRow> {
  /** By row; they are gone when `release` is called. */
  scores: Scores[];
  /** With those tokens. */
  cache: KeyValueCache<R>;
  release: () => void;
}

/** A decoder graph: feeds sequences side by side. Of a cache that it has gone on from nothing is left. */
export class Decoder {
  private readonly presents: string[];

  constructor(
    readonly layout: DecoderLayout,
    private readonly run: RunGraph,
  ) {
    this.presents = layout.caches.map(({ present }) => present);
  }

  /**
   * Feeds each row its last token, the only one that is not in its cache.
   */
  async decode<R extends DecodedRow>(cache: KeyValueCache<R>): Promise<Decoded<R>> {
    const fed = cache.rows.map(() => 1);
    const outputs = await this.run(this.feeds(cache, fed, 1), ['logits', ...this.presents]);
    const [logits, ...tensors] = outputs;
    const [rows, , size = 0] = logits?.dims ?? [];
    if (!logits || rows !== cache.rows.length) {
      throw new Error('the graph gave logits of other rows than it was given');
    }
    const data = logits.data as Scores;
    return {
      scores: cache.rows.map((_, i) => data.subarray(i * size, (i + 1) * size)),
      cache: grown(cache, fed, 1, tensors),
      release: () => {
        release([logits]);
      },
    };
  }

  /**
   * Feeds the next columns of rows that are not in the cache but for their last token, which is decoded;
   * shorter ones begin later, so that all are ready at the same time.
   * @param columns at most `left`.
   */
  async prefill<R extends DecodedRow>(
    cache: KeyValueCache<R>,
    columns: number,
  ): Promise<KeyValueCache<R>> {
    const after = left(cache) - columns;
    const fed = cache.rows.map((row) => {
      const open = row.tokens.length - 1 - row.cached;
      return open - Math.min(open, after);
    });
    const tensors = await this.run(this.feeds(cache, fed, columns), this.presents);
    return grown(cache, fed, columns, tensors);
  }

  /** @param fed by row, how many of the columns hold tokens: the last ones. */
  private feeds<R extends DecodedRow>(
    { rows, columns: before, tensors }: KeyValueCache<R>,
    fed: readonly number[],
    columns: number,
  ): Record<string, GraphTensor> {
    const { ids, mask, positions, caches } = this.layout;
    const total = before + columns;
    const idsOf = integers(ids, rows.length, columns);
    const maskOf = integers(mask, rows.length, total);
    const positionsOf = integers(positions ?? ids, rows.length, columns);
    rows.forEach(({ tokens, cached }, row) => {
      const count = fed[row] ?? 0;
      maskOf.fill((row + 1) * total - cached - count, (row + 1) * total);
      for (let i = 0; i < count; i++) {
        const at = (row + 1) * columns - count + i;
        idsOf.set(at, tokens[cached + i] ?? 0);
        positionsOf.set(at, cached + i);
      }
    });
    const feeds: Record<string, GraphTensor> = {
      input_ids: idsOf.tensor,
      attention_mask: maskOf.tensor,
    };
    if (positions) feeds['position_ids'] = positionsOf.tensor;
    caches.forEach(({ past }, i) => {
      const tensor = tensors[i];
      if (tensor) feeds[past] = tensor;
    });
    return feeds;
  }
}

/** Columns until all that the longest row has, but its last token, is in its cache. */
export function left({ rows }: KeyValueCache<DecodedRow>): number {
  return Math.max(0, ...rows.map(({ tokens, cached }) => tokens.length - 1 - cached));
}

function grown<R extends DecodedRow>(
  { rows, columns: before, tensors: past }: KeyValueCache<R>,
  fed: readonly number[],
  columns: number,
  tensors: readonly GraphTensor[],
): KeyValueCache<R> {
  const total = before + columns;
  for (const { dims } of tensors) {
    if (dims[0] === rows.length && dims[2] === total) continue;
    throw new Error('the graph gave a cache of another size than its past and what it was fed');
  }
  release(past);
  rows.forEach((row, i) => (row.cached += fed[i] ?? 0));
  return { rows, columns: total, tensors };
}

/** An integer tensor that is filled by element. */
function integers(type: Dtype, rows: number, columns: number) {
  const data: TensorData = allocate(type, rows * columns);
  const of = (value: number): never => (type === 'int64' ? BigInt(value) : value) as never;
  return {
    tensor: { type, data, dims: [rows, columns] },
    set: (at: number, value: number): void => {
      data[at] = of(value);
    },
    fill: (from: number, to: number): void => {
      data.fill(of(1), from, to);
    },
  };
}

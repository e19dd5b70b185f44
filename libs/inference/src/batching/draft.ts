import { type BatchJob, bytesPerRow, type Slice } from './batch.js';

export interface DraftOptions {
  maxRows: number;
  maxBytes: number;
  /** Most rows of a small job. */
  smallRows: number;
  /** Rows that large jobs leave to small ones. */
  kept: number;
}

interface Entry<T> {
  slice: Slice<T>;
  /** Of its first rows, how many are in the batch. */
  rows: number;
}

/** A batch that is being put together, of slices in the order of their turns. */
export class Draft<T extends BatchJob> {
  /** Rows of small jobs. */
  smallRows = 0;
  private readonly entries: Entry<T>[] = [];
  private rows = 0;
  private bytes = 0;
  private roomForLarge: number;
  private filledUp = 0;

  constructor(private readonly options: DraftOptions) {
    this.roomForLarge = options.maxRows - options.kept;
  }

  /** @returns false where what follows has no place. */
  add(slice: Slice<T>): boolean {
    if (slice.job.priority !== this.entries.at(-1)?.slice.job.priority) this.fillUp();
    const size = slice.to - slice.from;
    const isLarge = size > this.options.smallRows;
    const wanted = isLarge ? Math.min(size, this.roomForLarge) : size;
    const rows = this.grant(slice, wanted);
    if (isLarge) this.roomForLarge -= rows;
    else this.smallRows += rows;
    this.entries.push({ slice, rows });
    return rows === wanted && this.rows < this.options.maxRows;
  }

  /** @returns what was added, in order; of some it may be nothing. */
  finish(): readonly Entry<T>[] {
    this.fillUp();
    return this.entries;
  }

  /** Gives the room that is left to those that got less than they have, the first ones first. */
  private fillUp(): void {
    for (const entry of this.entries.slice(this.filledUp)) {
      const { slice, rows } = entry;
      entry.rows += this.grant(slice, slice.to - slice.from - rows);
    }
    this.filledUp = this.entries.length;
  }

  private grant({ job }: Slice<T>, wanted: number): number {
    if (wanted === 0) return 0;
    const { maxRows, maxBytes } = this.options;
    const perRow = bytesPerRow(job);
    const fits = Math.floor((maxBytes - this.bytes) / perRow);
    const room = Math.max(0, Math.min(wanted, maxRows - this.rows, fits));
    const rows = this.rows === 0 ? Math.max(1, room) : room;
    this.rows += rows;
    this.bytes += rows * perRow;
    return rows;
  }
}

import type { JobStore } from '#libs/jobs';
import type { Part } from './job.events.js';

/** Parts read at once: few, as the outputs in each may be large. */
const PARTS_AT_ONCE = 4;

/** Reads the parts of a running job in order, and not faster than they are taken. */
export class PartReader {
  private index = 0;

  constructor(
    private readonly store: Pick<JobStore, 'parts'>,
    private readonly id: string,
  ) {}

  /**
   * Those with outputs beyond the first `done`, as far as they are there.
   * @param computed instances that the record says there are parts of.
   */
  async *beyond(done: number, computed: number): AsyncGenerator<Part> {
    let isAnew = this.index === 0;
    let reached = done;
    while (reached < computed) {
      const parts = await this.next();
      const next = parts.find((part) => endOf(part) > reached);
      if (parts.length > 0 && (!next || next.from <= reached)) {
        this.index += parts.length;
        for (const part of parts) {
          if (endOf(part) <= reached) continue;
          reached = endOf(part);
          yield part;
        }
        continue;
      }
      // After a crash the parts begin anew, cut otherwise: what was told is looked up among them.
      if (isAnew) return;
      this.index = 0;
      isAnew = true;
    }
  }

  private async next(): Promise<Part[]> {
    const parts = await this.store.parts(this.id, this.index, PARTS_AT_ONCE);
    return parts.map(({ done, outputs }) => {
      const array = JSON.parse(outputs) as unknown[];
      return { from: done - array.length, outputs: array };
    });
  }
}

function endOf({ from, outputs }: Part): number {
  return from + outputs.length;
}

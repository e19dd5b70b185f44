interface Part {
  from: number;
  to: number;
  outputs: string;
}

/** What follows on what is known of a job already. */
export interface NextPart {
  /** Instances that are known with it. */
  done: number;
  /** JSON text of an array: those up to `done`. */
  outputs: string;
}

/** Outputs of the slices of a job, which end in any order, put together in that of its instances. */
export class OrderedOutputs {
  private readonly parts: Part[] = [];
  private told = 0;
  private toldParts = 0;
  private pending: NextPart | null = null;

  /** @param outputs JSON texts joined by commas, of the instances `[from, to)`. */
  add(from: number, to: number, outputs: string): void {
    let at = this.parts.length;
    while ((this.parts[at - 1]?.from ?? -1) > from) at--;
    this.parts.splice(at, 0, { from, to, outputs });
  }

  /** JSON text of an array. */
  get text(): string {
    return textOf(this.parts);
  }

  /**
   * What could be told next: up to the first gap. The same one until it `wasTold`, whatever was added
   * meanwhile, so that telling it again is recognized as such.
   */
  get next(): NextPart | null {
    return (this.pending ??= this.following());
  }

  wasTold({ done }: NextPart): void {
    this.pending = null;
    this.told = done;
    while ((this.parts[this.toldParts]?.from ?? done) < done) this.toldParts++;
  }

  /** Everything is to be told from the start. */
  forgetTold(): void {
    this.pending = null;
    this.told = 0;
    this.toldParts = 0;
  }

  private following(): NextPart | null {
    let done = this.told;
    let end = this.toldParts;
    for (let part = this.parts[end]; part?.from === done; part = this.parts[++end]) done = part.to;
    return done === this.told
      ? null
      : { done, outputs: textOf(this.parts.slice(this.toldParts, end)) };
  }
}

function textOf(parts: readonly Part[]): string {
  return `[${parts.map(({ outputs }) => outputs).join(',')}]`;
}

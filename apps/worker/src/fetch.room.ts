/** How much may be under way, and how much is kept. */
export interface FetchLimits {
  /** Files that are fetched at once. */
  atOnce: number;
  /** Of them, those from one origin. */
  perOrigin: number;
  /** Memory for files that are fetched, or have been and are still needed. */
  bytes: number;
  /** Most of one file. */
  fileBytes: number;
}

/** A file that is to be fetched. */
interface Waiting {
  job: object;
  origin: string;
  enter: () => void;
}

/**
 * The room that a worker has for files that it fetches. An origin that is slow keeps others from no more than its
 * share of places; and of the jobs that fetch, the oldest always has memory, so that none waits for ever for what
 * another one holds.
 */
export class FetchRoom {
  private readonly line: Waiting[] = [];
  private readonly fromOrigin = new Map<string, number>();
  /** The oldest first, with what ends the fetching of each. */
  private readonly jobs = new Map<object, AbortSignal>();
  private underWay = 0;
  private heldBytes = 0;

  constructor(private readonly limits: FetchLimits) {}

  /** A job begins to fetch. @param signal from then on its files need no room: they fail at once. */
  open(job: object, signal: AbortSignal): void {
    this.jobs.set(job, signal);
    signal.addEventListener('abort', () => {
      this.admit();
    });
  }

  /** It has all that it wanted. */
  close(job: object): void {
    this.jobs.delete(job);
    this.admit();
  }

  /** @returns what is to be called once the file is there, or is not: with the bytes of it that are kept. */
  async enter(job: object, origin: string): Promise<(keptBytes: number) => void> {
    await new Promise<void>((enter) => {
      this.line.push({ job, origin, enter });
      this.admit();
    });
    return (keptBytes) => {
      this.underWay--;
      this.count(origin, -1);
      this.free(this.limits.fileBytes - keptBytes);
    };
  }

  /** So many bytes are needed no longer. */
  free(bytes: number): void {
    this.heldBytes -= bytes;
    this.admit();
  }

  private admit(): void {
    for (let i = 0; i < this.line.length;) {
      const next = this.line[i];
      if (!next || !this.hasRoom(next)) {
        i++;
        continue;
      }
      this.line.splice(i, 1);
      this.underWay++;
      this.count(next.origin, 1);
      this.heldBytes += this.limits.fileBytes;
      next.enter();
    }
  }

  private hasRoom({ job, origin }: Waiting): boolean {
    if (this.jobs.get(job)?.aborted) return true;
    const { atOnce, perOrigin, bytes, fileBytes } = this.limits;
    if (this.underWay >= atOnce || (this.fromOrigin.get(origin) ?? 0) >= perOrigin) return false;
    const [oldest] = this.jobs.keys();
    return this.heldBytes + fileBytes <= bytes || job === oldest;
  }

  private count(origin: string, change: 1 | -1): void {
    const count = (this.fromOrigin.get(origin) ?? 0) + change;
    if (count === 0) this.fromOrigin.delete(origin);
    else this.fromOrigin.set(origin, count);
  }
}

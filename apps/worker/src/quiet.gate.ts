import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks at whether there is something to do. */
const LOOK_MS = 5;

/** Lets work through that may only be done while there is nothing else to do. */
export class QuietGate {
  private readonly closing = new AbortController();

  constructor(private readonly isQuiet: () => boolean) {}

  /** Resolves when it is quiet, at once where it is. @throws AbortError once it is closed. */
  async pass(): Promise<void> {
    const { signal } = this.closing;
    signal.throwIfAborted();
    while (!this.isQuiet()) await sleep(LOOK_MS, undefined, { signal });
  }

  close(): void {
    this.closing.abort();
  }
}

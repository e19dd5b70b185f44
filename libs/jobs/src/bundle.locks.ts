import type { Job, Worker } from 'bullmq';
import type { Bundle } from './bundle.js';

/** How often a lock is renewed in the time for which it holds. */
const RENEWALS = 4;

/** What renews locks: a part of BullMQ's Worker. */
export type Locksmith = Pick<Worker<Bundle>, 'extendJobLocks'>;

/**
 * Keeps hold of the bundles that a worker has in hand. BullMQ's own renewal goes by the clock of the machine: when
 * that is set back by a minute it renews nothing for as long, and other workers take the bundles over.
 */
export class BundleLocks {
  /** With their tokens. */
  private readonly held = new Map<Job<Bundle>, string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly worker: Locksmith,
    private readonly durationMs: number,
    private readonly onError: (error: Error) => void,
  ) {}

  hold(bundle: Job<Bundle>, token = ''): void {
    this.held.set(bundle, token);
    this.timer ??= this.renewLater();
  }

  /** Whether it has not been lost: then another worker has the bundle, or will. */
  holds(bundle: Job<Bundle>): boolean {
    return this.held.has(bundle);
  }

  /** @returns whether it was held still. */
  release(bundle: Job<Bundle>): boolean {
    return this.held.delete(bundle);
  }

  private renewLater(): NodeJS.Timeout {
    return setTimeout(() => void this.renew(), this.durationMs / RENEWALS).unref();
  }

  private async renew(): Promise<void> {
    try {
      const lost = await this.extendAll([...this.held]);
      // One line, however many they are.
      if (lost > 0) this.onError(new Error(`held up for too long: ${lost} bundles were lost`));
    } catch (error) {
      this.onError(error as Error);
    }
    this.timer = this.held.size > 0 ? this.renewLater() : undefined;
  }

  /** @returns how many were lost. */
  private async extendAll(held: readonly [Job<Bundle>, string][]): Promise<number> {
    if (held.length === 0) return 0;
    const ids = held.map(([{ id = '' }]) => id);
    const tokens = held.map(([, token]) => token);
    const refused = new Set(await this.worker.extendJobLocks(ids, tokens, this.durationMs));
    // Those that have ended meanwhile have no lock either, and are held no more.
    return held.filter(([bundle], i) => refused.has(ids[i] ?? '') && this.held.delete(bundle))
      .length;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type RunnerCrashed, RunnerNotSpawned } from './errors.js';
import type { RanReply } from './runner/protocol.js';
import { AdaptiveCap } from './batching/adaptive-cap.js';
import type { Runner, SequenceRun } from './runner/runner.js';

/** Batches under way in a runner, unless it has slots: one computes while the next is already there. */
const BATCHES = 2;
/** Between crashes without a batch that succeeded. */
const RESTART_DELAYS_MS = [0, 100, 500, 1000, 2000, 5000];
/** After so many starts that fail an instance counts as failed, and is tried again now and then. */
const MAX_FAILED_STARTS = 5;
const RETRY_MS = 30_000;
/** Between tries to start a process where none can be started at all. */
const SPAWN_RETRY_MS = 1000;
/** How much of the average the newest hand-over makes. */
const NEWEST = 0.2;

export interface InstanceOptions {
  /** Starts a process. @throws ModelLoadError, RunnerNotSpawned */
  start: (signal: AbortSignal, onEnd: (crash: RunnerCrashed) => void) => Promise<Runner>;
  onUp: () => void;
  /** No process can be started for the time being; told once for each that is wanted. */
  onHeldUp: (error: RunnerNotSpawned) => void;
  /** It is up again after a crash. */
  onRestart: () => void;
  onCrash: (crash: RunnerCrashed) => void;
  /** It was up before, and now does not start any more; it is tried again now and then. */
  onFailed: (error: Error) => void;
}

/** A place in an instance, from the decision to fire a batch to its reply. */
export interface Lease {
  /** @throws RunnerCrashed, RunTimeout, SequenceCanceled @see Runner */
  run(slices: string[], timeoutMs: number, sequence?: SequenceRun): Promise<RanReply>;
  /** Must be called once, whatever happened. */
  release(): void;
}

/** A runner process and its successors: one that dies is replaced. */
export class Instance {
  private readonly stopping = new AbortController();
  private runner: Runner | undefined;
  private crashes = 0;
  private leases = 0;
  /** Sequences that memory suffices for; undefined: it runs batches. */
  private slots: AdaptiveCap | undefined;
  private alone = false;
  private busyUntilMs = 0;
  private handOverMs = 1;

  /** @param number among its siblings. */
  constructor(
    readonly number: number,
    private readonly options: InstanceOptions,
  ) {}

  /** Resolves when it is up. @throws ModelLoadError, or an AbortError where it is stopped before. */
  async start(): Promise<Runner> {
    const runner = await this.launch();
    if (this.stopping.signal.aborted) runner.kill();
    this.runner = runner;
    const { slots } = runner.loaded;
    if (slots !== undefined) this.slots ??= new AdaptiveCap(slots);
    this.options.onUp();
    return runner;
  }

  /** What keeps processes from being started says nothing of the model, and passes. */
  private async launch(): Promise<Runner> {
    const { signal } = this.stopping;
    for (let tries = 0; ; tries++) {
      try {
        return await this.options.start(signal, (crash) => {
          this.onEnd(crash);
        });
      } catch (error) {
        if (!(error instanceof RunnerNotSpawned)) throw error;
        if (tries === 0) this.options.onHeldUp(error);
      }
      await sleep(SPAWN_RETRY_MS, undefined, { signal });
    }
  }

  get current(): Runner | undefined {
    return this.runner;
  }

  get isIdle(): boolean {
    return this.runner !== undefined && this.leases === 0;
  }

  /** Batches, or sequences, that it has. */
  get underWay(): number {
    return this.leases;
  }

  /**
   * Until it wants a batch. While one is computed the next is wanted just before its end, and not
   * sooner: till then more urgent jobs may come, and more company.
   */
  freeInMs(nowMs: number): number {
    if (!this.runner || this.alone) return Infinity;
    if (this.slots) return this.leases < this.slots.rows ? 0 : Infinity;
    if (this.leases >= BATCHES) return Infinity;
    return this.leases === 0 ? 0 : Math.max(0, this.busyUntilMs - 2 * this.handOverMs - nowMs);
  }

  /** @param alone nothing else may be in the process meanwhile; it must be idle. */
  lease(expectedMs: number, alone: boolean): Lease {
    const { runner } = this;
    if (!runner) throw new Error('this instance is down');
    const leasedMs = performance.now();
    this.leases++;
    this.alone = alone;
    this.busyUntilMs = Math.max(this.busyUntilMs, leasedMs + this.handOverMs) + expectedMs;
    return {
      run: async (slices, timeoutMs, sequence) => {
        this.handOverMs += NEWEST * (performance.now() - leasedMs - this.handOverMs);
        const reply = await runner.run(slices, timeoutMs, sequence);
        this.crashes = 0;
        this.slots?.succeeded(this.leases);
        return reply;
      },
      release: () => {
        this.leases--;
        this.alone = false;
        if (this.leases === 0) this.busyUntilMs = 0;
      },
    };
  }

  /** Ends the process; it does not come back. */
  stop(): void {
    this.stopping.abort();
    this.runner?.kill();
    this.runner = undefined;
  }

  private onEnd(crash: RunnerCrashed): void {
    this.runner = undefined;
    if (this.stopping.signal.aborted) return;
    if (crash.outOfMemory) this.slots?.ranOutOfMemory(this.leases);
    this.options.onCrash(crash);
    // Ends early only when it is stopped, and then it is no error.
    this.restart().catch(() => undefined);
  }

  /** It has been up before, so that what fails now may well pass. Jobs wait for it meanwhile. */
  private async restart(): Promise<void> {
    const { signal } = this.stopping;
    for (let failed = 0; ;) {
      const delayMs =
        failed >= MAX_FAILED_STARTS
          ? RETRY_MS
          : (RESTART_DELAYS_MS[this.crashes++] ?? RESTART_DELAYS_MS.at(-1));
      await sleep(delayMs, undefined, { signal });
      try {
        await this.start();
        this.options.onRestart();
        return;
      } catch (error) {
        if (++failed === MAX_FAILED_STARTS) this.options.onFailed(error as Error);
      }
    }
  }
}

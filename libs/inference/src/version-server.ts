import { setTimeout as sleep } from 'node:timers/promises';
import type { VersionDescription, VersionReport } from '#libs/contracts';
import { Batcher, type FiringReason } from './batching/batcher.js';
import { ModelLoadError, plainReason, RunnerCrashed } from './errors.js';
import { type BatchResult, Runner, type RunnerOptions } from './runner/runner.js';

/** Batches under way in a runner: one computes while the next is already there. */
const SLOTS = 2;
/** Input bytes of one batch, copied once on its way into the runner. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
/** Between crashes without a batch that succeeded. */
const RESTART_DELAYS_MS = [0, 100, 500, 1000, 2000, 5000];
/** After so many starts that fail the version counts as failed, and is tried again now and then. */
const MAX_FAILED_STARTS = 5;
const RETRY_MS = 30_000;
/** Before a job that could not be run here is taken again. */
const HAND_BACK_MS = 1000;

/** A job as the engine holds it; the worker knows what stands behind it. */
export interface ServedJob {
  id: string;
  rows: number;
  bytes: number;
  solo: boolean;
  /** Its end is published. */
  ended: () => void;
  /** It did not come to an end here and should go to any worker, after a while where one is given. */
  handBack: (delayMs?: number) => void;
}

export interface VersionServerOptions<T extends ServedJob> {
  description: VersionDescription;
  /** Path of `model.onnx`, and its digest. */
  file: string;
  sha256: string | undefined;
  runner: Pick<
    RunnerOptions,
    'executionProviders' | 'threads' | 'loadTimeoutMs' | 'runTimeoutMs' | 'onLine'
  >;
  /** Runs a batch by `run` and publishes it. @throws RunnerCrashed when `run` did. */
  execute: (batch: T[], run: RunBatch, reason: FiringReason) => Promise<void>;
  /** Something went wrong outside of the model, such as Redis; the jobs are handed back. */
  onError: (error: Error) => void;
  /** Something to log, and to tell the fleet. */
  onChange: (report: VersionReport, event: VersionEvent) => void;
}

export type RunBatch = (inputs: string[]) => Promise<BatchResult>;
export type VersionEvent = 'loading' | 'ready' | 'failed' | 'crashed';

/**
 * Serves one version of a model: a runner process that is brought back when it dies, and the batcher in
 * front of it. Jobs that were in a runner when it died run alone next, so that a poisonous one harms
 * nobody twice.
 */
export class VersionServer<T extends ServedJob> {
  private readonly batcher: Batcher<T>;
  private readonly stopping = new AbortController();
  private readonly inFlight = new Set<Promise<void>>();
  private live: Promise<Runner> | undefined;
  private runner: Runner | undefined;
  private crashes = 0;
  private state: VersionReport;

  constructor(private readonly options: VersionServerOptions<T>) {
    const { description, sha256 } = options;
    this.state = { ...description, sha256, state: 'unloaded' };
    this.batcher = new Batcher<T>({
      maxRows: Math.max(1, description.batching.max_batch_size),
      maxBytes: MAX_BATCH_BYTES,
      maxDelayMs: description.batching.max_queue_delay_ms,
      slots: SLOTS,
      execute: (batch, reason) => this.track(this.execute(batch, reason)),
    });
  }

  get report(): VersionReport {
    return this.state;
  }

  /** Loads and warms up. Resolves when that has succeeded or failed; see `report`. */
  async start(): Promise<void> {
    this.change({ state: 'loading' }, 'loading');
    this.live = this.startRunner();
    await this.live.catch((error: unknown) => {
      this.fail(error);
    });
  }

  /** Takes a job, unless this server has stopped: then it is handed back. */
  submit(job: T): void {
    if (!this.batcher.add(job)) job.handBack();
  }

  /** Hands back what has not started, finishes what has, and ends the runner. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const job of this.batcher.close()) job.handBack();
    await Promise.allSettled(this.inFlight);
    this.runner?.kill();
  }

  private track(work: Promise<void>): Promise<void> {
    this.inFlight.add(work);
    return work.finally(() => this.inFlight.delete(work));
  }

  private async execute(batch: T[], reason: FiringReason): Promise<void> {
    try {
      const runner = await this.untilStopped(this.live);
      await this.options.execute(batch, (inputs) => runner.run(inputs), reason);
      this.crashes = 0;
    } catch (error) {
      for (const job of batch) this.putBack(job, error);
    }
  }

  /** After a crash the job runs again here, alone; whatever else went wrong may go better elsewhere. */
  private putBack(job: T, error: unknown): void {
    if (this.stopping.signal.aborted) job.handBack();
    else if (error instanceof RunnerCrashed) {
      job.solo = true;
      this.submit(job);
    } else {
      if (!(error instanceof ModelLoadError)) this.options.onError(error as Error);
      job.handBack(HAND_BACK_MS);
    }
  }

  private async startRunner(): Promise<Runner> {
    const { description, file, runner: settings } = this.options;
    const { signal } = this.stopping;
    const runner = await Runner.start({ description, file, signal, ...settings }, (crash) => {
      this.onRunnerEnd(crash);
    });
    this.runner = runner;
    const { tensors, loadMs, maxRows, executionProvider } = runner.loaded;
    this.batcher.maxRows = maxRows;
    this.change(
      {
        state: 'ready',
        reason: undefined,
        tensors,
        load_ms: Math.round(loadMs),
        execution_provider: executionProvider,
      },
      'ready',
    );
    return runner;
  }

  private onRunnerEnd(crash: RunnerCrashed): void {
    this.runner = undefined;
    if (this.stopping.signal.aborted) return;
    this.change({ state: 'loading', reason: crash.message }, 'crashed');
    this.live = this.restart();
    // Whoever waits for it hears of a failure; while nobody does, it is no error.
    this.live.catch(() => undefined);
  }

  /** It has been up before, so that what fails now may well pass. Jobs wait for it meanwhile. */
  private async restart(): Promise<Runner> {
    for (let failed = 1; ; failed++) {
      const delayMs = RESTART_DELAYS_MS[this.crashes++] ?? RESTART_DELAYS_MS.at(-1);
      await sleep(delayMs, undefined, { signal: this.stopping.signal });
      try {
        return await this.startRunner();
      } catch (error) {
        if (failed < MAX_FAILED_STARTS) continue;
        this.fail(error);
        this.retryNowAndThen().catch(() => undefined);
        throw error;
      }
    }
  }

  /** Ends when it is up, or when the server stops. */
  private async retryNowAndThen(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(RETRY_MS, undefined, { signal });
      try {
        this.live = Promise.resolve(await this.startRunner());
        return;
      } catch {
        // Still `failed`, for the reason that is known.
      }
    }
  }

  private fail(error: unknown): void {
    if (this.stopping.signal.aborted) return;
    this.change({ state: 'failed', reason: plainReason(error) }, 'failed');
  }

  private async untilStopped(live: Promise<Runner> | undefined): Promise<Runner> {
    const { signal } = this.stopping;
    signal.throwIfAborted();
    let stopped: (() => void) | undefined;
    const stop = new Promise<never>((_, reject) => {
      stopped = () => {
        reject(new Error('stopped'));
      };
      signal.addEventListener('abort', stopped, { once: true });
    });
    try {
      const runner = await Promise.race([live, stop]);
      if (!runner) throw new Error('the version was not started');
      return runner;
    } finally {
      if (stopped) signal.removeEventListener('abort', stopped);
    }
  }

  private change(change: Partial<VersionReport>, event: VersionEvent): void {
    this.state = { ...this.state, ...change };
    this.options.onChange(this.state, event);
  }
}

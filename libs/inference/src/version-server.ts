import { clock } from '#libs/clock';
import { APP_VERSION } from '#libs/config';
import type { DriftBasis, JobProblem, VersionDescription, VersionReport } from '#libs/contracts';
import { jobProblem } from '#libs/contracts';
import { laneOf } from '#libs/kinds';
import { contentOf, digestOf, versionFiles } from '#libs/models';
import { AdaptiveCap } from './batching/adaptive-cap.js';
import { type Batch, type BatchJob, rowsOf } from './batching/batch.js';
import { Batcher } from './batching/batcher.js';
import { OVERRAN, plainReason, RunnerCrashed, RunTimeout, SequenceCanceled } from './errors.js';
import type { Lease } from './instance.js';
import { IdleTimer } from './idle-timer.js';
import type { Loaded, Piece, ProfiledReply, RanReply } from './runner/protocol.js';
import { RunnerPool, type RunnerPoolOptions } from './runner-pool.js';
import { messageRows, needsReload } from './version-change.js';

/** Input bytes of one batch, copied once on its way into the runner. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
/** Before a job that could not be run here is taken again. */
const HAND_BACK_MS = 1000;
/** Turns that are further apart are not of one counting: from time to time all are halved. */
const MAX_TURNS_APART = 2 ** 18;

/** A job as the engine holds it; the worker knows what stands behind it. */
export interface ServedJob extends BatchJob {
  readonly id: string;
  /** What is left of the time that it may compute. */
  readonly runBudgetMs: number;
  /** Its caller said how long it may compute. */
  readonly isTimed: boolean;
  /** The whole of the time that it may compute; each prompt of a job that generates has as much. */
  readonly runLimitMs: number;
  /** How long it waited for its model to be loaded. */
  loadMs: number;
  /** Some of it has gone to a runner. */
  readonly hasRun: boolean;
  /** It has ended, or gone back: what is under way of it counts no more. */
  readonly isOver: boolean;
  /** The process that computed it died: when it runs again that is a new start. */
  interrupted: () => void;
  /** It did not come to an end here and should go to any worker, after a while where one is given. */
  handBack: (delayMs?: number) => void;
}

/** What a worker does with a batch. */
export interface BatchHandler<T> {
  /**
   * Starts the jobs, and takes out of `batch.slices` those that need not run.
   * @param content of what will run them, see VersionReport.
   * @returns the text of each slice that is left, see RunRequest.
   */
  begin(batch: Batch<T>, content?: string): Promise<string[]>;
  /**
   * Hears of text that is being generated for the only slice of a batch, before the batch is finished.
   * What a run has told counts no more when the slice is run again.
   */
  told?(batch: Batch<T>, piece: Piece): void;
  /** Publishes the jobs that have come to their end with this batch. */
  finish(batch: Batch<T>, reply: RanReply): Promise<void>;
  /** Hears of a batch that came to no end, as its runner crashed or hung; its jobs go on. */
  lost?(batch: Batch<T>, error: unknown): void;
  /** Ends jobs that cannot be run. */
  fail(jobs: T[], problem: JobProblem): Promise<void>;
}

/** A version's folder as it is now. */
export interface VersionSource {
  description: VersionDescription;
  /** Path of `model.onnx`. */
  file: string;
  /** Path of a file of instances that drift is told by. */
  reference?: string | undefined;
}

export interface VersionServerOptions<T extends ServedJob> {
  source: VersionSource;
  handler: BatchHandler<T>;
  runner: (description: VersionDescription) => RunnerPoolOptions['runner'];
  /** Makes room in memory for runners that are about to start. */
  makeRoom: () => Promise<void>;
  /** Something went wrong outside of the model, such as Redis; the jobs are handed back. */
  onError: (error: Error) => void;
  /** A runner is up again after a crash. */
  onRestart: () => void;
  /** Something to log, and to tell the fleet. */
  onChange: (report: VersionReport, event: VersionEvent) => void;
}

/** A pool whose first instance is up. */
interface StartedPool {
  pool: RunnerPool;
  loaded: Loaded;
  sha256: string;
}

export type VersionEvent =
  'loading' | 'ready' | 'failed' | 'crashed' | 'unloaded' | 'tuned' | 'update-failed';

/**
 * Serves one version of a model: the batcher, and the runner processes behind it, which are loaded when
 * they are needed, replaced when the version's folder changes, and brought back when they die. Jobs that
 * a dying runner computed run alone next, so that a poisonous one harms nobody twice; sequences, once it
 * was the second time.
 */
export class VersionServer<T extends ServedJob> {
  private readonly cap: AdaptiveCap;
  private readonly batcher: Batcher<T>;
  private readonly inFlight = new Set<Promise<void>>();
  /** By job, the first process that ended with it; only where the model has slots. */
  private readonly firstCrashes = new WeakMap<T, RunnerCrashed>();
  /** Under way, where the model has slots. */
  private readonly sequences = new Set<{ job: T; ending: AbortController }>();
  private readonly idle: IdleTimer;
  private source: VersionSource;
  private pool: RunnerPool | undefined;
  private loading: Promise<void> | undefined;
  private changing: Promise<void> = Promise.resolve();
  private loadStartedAt = 0;
  private readyAt = 0;
  private stopped = false;
  private state: VersionReport;

  constructor(private readonly options: VersionServerOptions<T>) {
    this.source = options.source;
    const { description } = this.source;
    this.state = unloaded(description);
    this.cap = new AdaptiveCap(Math.max(1, description.batching.max_batch_size));
    this.idle = new IdleTimer(description.lifecycle.idle_unload_s, () => void this.onIdle());
    this.batcher = new Batcher<T>({
      cap: this.cap,
      maxBytes: MAX_BATCH_BYTES,
      maxDelayMs: description.batching.max_queue_delay_ms,
      capacity: {
        freeInMs: (nowMs) => this.pool?.freeInMs(nowMs) ?? Infinity,
        hasIdle: () => this.pool?.hasIdle() ?? false,
      },
      laneOf: (shape) => (shape === undefined ? '' : laneOf(this.state, shape)),
      samples: () => this.pool?.loaded?.samples ?? [],
      fire: (batch) => {
        this.track(this.run(batch));
      },
    });
  }

  get report(): VersionReport {
    return {
      ...this.state,
      warm_instances: this.pool?.warm ?? 0,
      memory_bytes: this.memoryBytes,
    };
  }

  get hasFailed(): boolean {
    return this.state.state === 'failed';
  }

  /** See VersionReport. */
  get content(): string | undefined {
    return this.state.content;
  }

  /** Resident memory of its runners. */
  get memoryBytes(): number {
    return this.pool?.memoryBytes ?? 0;
  }

  /** When it last had something to do, ms of `performance.now()`. */
  get lastUsedMs(): number {
    return this.idle.lastUsedMs;
  }

  /** Stays loaded, whatever others need. */
  get isPinned(): boolean {
    return this.source.description.lifecycle.keep_warm > 0;
  }

  /** What its drift is told by; undefined: it is not watched, or was never loaded. */
  get drift(): DriftBasis | undefined {
    return this.pool?.loaded?.drift;
  }

  /** Runs the instances of its reference, at leisure. @throws Error where its process ends before. */
  profile(): Promise<ProfiledReply> {
    return this.pool?.profile() ?? Promise.reject(new Error('nothing is loaded'));
  }

  /** Nothing waits, nothing runs. */
  get isIdle(): boolean {
    return this.inFlight.size === 0 && this.batcher.isEmpty;
  }

  /**
   * Opens the graph, and keeps it where that is asked for. What is not preloaded is opened once as well:
   * to see whether it works, and to know what it takes.
   */
  start(): Promise<void> {
    return this.inTurn(() => this.tryOut());
  }

  private async tryOut(): Promise<void> {
    await this.load();
    const { preload, keep_warm } = this.source.description.lifecycle;
    if (!preload && this.isIdle) await this.release(keep_warm);
  }

  /** Loads and warms up, unless that is done. Resolves when it has succeeded or failed; see `report`. */
  load(): Promise<void> {
    if (this.pool || this.stopped) return Promise.resolve();
    this.loading ??= this.openPool().finally(() => (this.loading = undefined));
    return this.loading;
  }

  /** Ends the runners once what they do is done. The next job brings them back. */
  unload(): Promise<void> {
    return this.inTurn(() => this.closePool());
  }

  private async closePool(): Promise<void> {
    const { pool } = this;
    if (!pool) return;
    this.pool = undefined;
    this.change({ state: 'unloaded', reason: undefined }, 'unloaded');
    await this.retire(pool);
    if (!this.batcher.isEmpty) await this.load();
  }

  /**
   * Goes over to a newer state of the folder: at once where only the batching or the lifecycle has
   * changed; else once the newer graph is warm. One that cannot be loaded replaces nothing that works.
   */
  update(source: VersionSource, contentChanged: boolean): Promise<void> {
    return this.inTurn(() => this.goOver(source, contentChanged));
  }

  private async goOver(source: VersionSource, contentChanged: boolean): Promise<void> {
    const reload = contentChanged || needsReload(this.source.description, source.description);
    if (!reload) {
      this.describe(source);
      this.tune();
      return;
    }
    await this.loading;
    if (!this.pool) {
      this.source = source;
      this.state = unloaded(source.description);
      await this.tryOut();
      return;
    }
    await this.replacePool(source);
  }

  /** Takes a job, unless this server has stopped or failed: then it is handed back. */
  submit(job: T): void {
    this.idle.used();
    if (this.hasFailed || !this.batcher.add(job)) {
      job.handBack();
      return;
    }
    if (this.pool) this.pool.restore();
    else void this.load();
  }

  /**
   * Hands back a large job that has not run and should go after one of this turn: the last of them.
   * A small one would free no place, as it travels with others. @returns whether there was one.
   */
  yieldTo(turn: number): boolean {
    const { max_batch_size } = this.source.description.batching;
    const last = this.batcher.last(
      (job) =>
        job.count >= max_batch_size &&
        !job.hasRun &&
        job.turn > turn &&
        job.turn - turn < MAX_TURNS_APART,
    );
    if (!last) return false;
    this.batcher.remove(last);
    last.handBack();
    return true;
  }

  /** Forgets what has not started of a job that is over, and ends what it generates. */
  withdraw(job: T): void {
    this.batcher.remove(job);
    for (const sequence of this.sequences) if (sequence.job === job) sequence.ending.abort();
  }

  /** Hands back what has not started, finishes what has, and ends the runners. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.idle.stop();
    for (const job of this.batcher.close()) {
      // Whoever takes it next generates all of it.
      this.withdraw(job);
      job.handBack();
    }
    await Promise.allSettled(this.inFlight);
    this.pool?.stop();
    this.pool = undefined;
  }

  /** Ends at once: what it computes is handed back as well. */
  abort(): Promise<void> {
    this.stopped = true;
    this.pool?.stop();
    return this.stop();
  }

  /** Loading, unloading and updating do not overlap, except that a job may ask for loading at any time. */
  private inTurn(change: () => Promise<void>): Promise<void> {
    this.changing = this.changing.then(change).catch((error: unknown) => {
      this.options.onError(error as Error);
    });
    return this.changing;
  }

  private track(work: Promise<void>): void {
    this.inFlight.add(work);
    void work.finally(() => {
      this.inFlight.delete(work);
      this.idle.used();
    });
  }

  private async run(batch: Batch<T>): Promise<void> {
    try {
      const reply = await this.compute(batch);
      if (reply) await this.options.handler.finish(batch, reply);
    } catch (error) {
      await this.recover(batch, error);
    }
  }

  /** @returns null where none of the jobs need run any more. */
  private async compute(batch: Batch<T>): Promise<RanReply | null> {
    const { pool } = this;
    if (!pool) throw new Error('a batch was fired while nothing is loaded');
    const expectedMs = this.batcher.cost(batch.lane).predictMs(batch.rows);
    const lease = pool.lease(expectedMs, batch.reason === 'solo');
    try {
      this.noteLoading(batch);
      const texts = await this.options.handler.begin(batch, this.content);
      if (texts.length === 0) return null;
      const reply =
        pool.loaded?.slots === undefined
          ? await lease.run(texts, Math.min(...batch.slices.map((s) => s.job.runBudgetMs)))
          : await this.generate(batch, texts, lease);
      this.learn(batch, reply);
      return reply;
    } finally {
      lease.release();
      this.batcher.wake();
    }
  }

  /** The only instance of a batch, in a slot. */
  private async generate(batch: Batch<T>, texts: string[], lease: Lease): Promise<RanReply> {
    const [slice] = batch.slices;
    if (!slice) throw new Error('a sequence is of some job');
    const { job, from } = slice;
    const sequence = { job, ending: new AbortController() };
    this.sequences.add(sequence);
    try {
      return await lease.run(texts, job.runLimitMs, {
        seed: `${job.id}/${String(from)}`,
        told: (piece) => this.options.handler.told?.(batch, piece),
        signal: sequence.ending.signal,
      });
    } finally {
      this.sequences.delete(sequence);
    }
  }

  /** By the runner's own clock: until its reply, a second batch has waited for the first as well. */
  private learn(batch: Batch<T>, reply: RanReply): void {
    const rows = rowsOf(batch.slices);
    const { preprocessMs, inferenceMs, postprocessMs } = reply.timing;
    const computedMs = preprocessMs + inferenceMs + postprocessMs;
    this.batcher.cost(batch.lane).observe(rows, computedMs);
    if (reply.outOfMemory) this.cap.ranOutOfMemory(rows);
    else this.cap.succeeded(rows);
  }

  /** After a crash the jobs run again here; whatever else went wrong may go better elsewhere. */
  private async recover(batch: Batch<T>, error: unknown): Promise<void> {
    this.options.handler.lost?.(batch, error);
    if (error instanceof SequenceCanceled) return;
    const all = [...new Set(batch.slices.map(({ job }) => job))];
    const overran = error instanceof RunTimeout && isToBlame(batch, all);
    const jobs = all.filter((job) => !job.isOver);
    batch.slices = batch.slices.filter(({ job }) => !job.isOver);
    if (this.stopped) {
      for (const job of jobs) job.handBack();
    } else if (overran) {
      await this.endOverrun(jobs).catch((failure: unknown) => {
        this.giveBack(jobs, failure);
      });
    } else if (error instanceof RunTimeout || (error instanceof RunnerCrashed && error.suspect)) {
      if (error instanceof RunnerCrashed && error.outOfMemory) this.cap.ranOutOfMemory(batch.rows);
      for (const job of jobs) job.interrupted();
      if (error instanceof RunnerCrashed && this.mayStayTogether(jobs, error)) {
        this.batcher.putBack(batch);
      } else this.batcher.isolate(batch);
    } else if (error instanceof RunnerCrashed) {
      this.batcher.putBack(batch);
    } else {
      this.giveBack(jobs, error);
    }
  }

  /**
   * Sequences take long, and one after the other far longer: as a process mostly ends through no fault of theirs, only
   * those run alone that were there a second time.
   */
  private mayStayTogether(jobs: readonly T[], crash: RunnerCrashed): boolean {
    if (this.pool?.loaded?.slots === undefined) return false;
    return jobs.every((job) => {
      const first = this.firstCrashes.get(job) ?? crash;
      this.firstCrashes.set(job, first);
      return first === crash;
    });
  }

  private giveBack(jobs: T[], error: unknown): void {
    this.options.onError(error as Error);
    for (const job of jobs) {
      this.withdraw(job);
      job.handBack(HAND_BACK_MS);
    }
  }

  private async endOverrun(jobs: T[]): Promise<void> {
    for (const job of jobs) this.withdraw(job);
    await this.options.handler.fail(jobs, jobProblem('execution-timeout', OVERRAN));
  }

  private async openPool(): Promise<void> {
    const { source } = this;
    this.loadStartedAt = clock.now();
    this.change({ state: 'loading', reason: undefined, update: undefined }, 'loading');
    try {
      this.serve(await this.startPool(source), source);
    } catch (error) {
      this.fail(error);
    }
  }

  private async replacePool(source: VersionSource): Promise<void> {
    const old = this.pool;
    this.change({ update: { state: 'loading' } }, 'loading');
    try {
      const started = await this.startPool(source);
      this.serve(started, source);
      if (old) await this.retire(old);
    } catch (error) {
      if (this.stopped) return;
      const reason = plainReason(error);
      this.change({ update: { state: 'failed', reason } }, 'update-failed');
    }
  }

  private async startPool(source: VersionSource): Promise<StartedPool> {
    await this.options.makeRoom();
    const readDigest = () => versionFiles(source.file, source.description).then(digestOf);
    const digest = readDigest();
    // A folder that cannot be read fails the start as well, which says why.
    digest.catch(() => undefined);
    const pool = new RunnerPool({
      ...source,
      runner: this.options.runner(source.description),
      onRestart: this.options.onRestart,
      onUp: () => {
        this.onUp(pool);
      },
      onCrash: ({ message }) => {
        const down = pool === this.pool && pool.warm === 0;
        if (down) this.loadStartedAt = clock.now();
        this.change(down ? { state: 'loading', reason: message } : {}, 'crashed');
      },
      onFailed: (error) => {
        if (pool === this.pool) this.fail(error);
      },
    });
    try {
      const loaded = await pool.start();
      if (this.stopped) throw new Error('stopped');
      // What has kept it from being read may have held up the start as well, and passed with it.
      return { pool, loaded, sha256: await digest.catch(readDigest) };
    } catch (error) {
      pool.stop();
      throw error;
    }
  }

  private serve({ pool, loaded, sha256 }: StartedPool, source: VersionSource): void {
    this.pool = pool;
    this.describe(source);
    const content = contentOf(source.description, sha256, APP_VERSION);
    this.state = { ...this.state, sha256, content, update: undefined };
    this.idle.used();
    this.tuneTo(loaded);
    this.onUp(pool);
  }

  /** It came up, for the first time or again. */
  private onUp(pool: RunnerPool): void {
    const { loaded } = pool;
    if (pool !== this.pool || !loaded) return;
    this.readyAt = clock.now();
    const { tensors, hooks, loadMs, executionProvider } = loaded;
    this.change(
      {
        state: 'ready',
        reason: undefined,
        tensors,
        hooks,
        load_ms: Math.round(loadMs),
        execution_provider: executionProvider,
      },
      'ready',
    );
    this.batcher.wake();
  }

  /** What the description before had and this one lacks is gone. */
  private describe(source: VersionSource): void {
    const before = new Set(Object.keys(this.source.description));
    const others = Object.entries(this.state).filter(([name]) => !before.has(name));
    this.state = { ...(Object.fromEntries(others) as typeof this.state), ...source.description };
    this.source = source;
  }

  private tune(): void {
    const { sha256 } = this.state;
    const content =
      sha256 === undefined ? undefined : contentOf(this.source.description, sha256, APP_VERSION);
    this.state = { ...this.state, content };
    const loaded = this.pool?.loaded;
    if (loaded) this.tuneTo(loaded);
    this.change({}, 'tuned');
  }

  private tuneTo(loaded: Loaded): void {
    const { batching, lifecycle } = this.source.description;
    this.cap.limit = messageRows(loaded, batching.max_batch_size);
    this.batcher.maxDelayMs = batching.max_queue_delay_ms;
    this.idle.afterS = lifecycle.idle_unload_s;
  }

  private async onIdle(): Promise<void> {
    const { keep_warm } = this.source.description.lifecycle;
    if (this.isIdle) await this.inTurn(() => this.release(keep_warm));
    else this.idle.used();
  }

  private async release(keepWarm: number): Promise<void> {
    if (keepWarm === 0) await this.closePool();
    else this.pool?.shrink(keepWarm);
  }

  private async retire(pool: RunnerPool): Promise<void> {
    await Promise.allSettled(this.inFlight);
    pool.stop();
  }

  private fail(error: unknown): void {
    if (this.stopped) return;
    this.change({ state: 'failed', reason: plainReason(error) }, 'failed');
    // Whoever takes them next hears of the failure.
    for (const job of this.batcher.clear()) job.handBack();
  }

  private noteLoading(batch: Batch<T>): void {
    for (const { job } of batch.slices) {
      job.loadMs ||= Math.max(0, this.readyAt - Math.max(job.takenAt, this.loadStartedAt));
    }
  }

  private change(change: Partial<VersionReport>, event: VersionEvent): void {
    this.state = { ...this.state, ...change };
    this.options.onChange(this.report, event);
  }
}

/** Before anything of it is known but what its folder says. */
function unloaded(description: VersionDescription): VersionReport {
  return { ...description, state: 'unloaded', warm_instances: 0, memory_bytes: 0 };
}

/** Alone, and not for the first time unless it set the time itself: a runner may hang by itself. */
function isToBlame<T extends ServedJob>({ reason }: Batch<T>, [first, ...others]: T[]): boolean {
  return others.length === 0 && (reason === 'solo' || first?.isTimed === true);
}

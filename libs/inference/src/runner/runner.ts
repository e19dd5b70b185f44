import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { runnerEnvironment } from '#libs/config';
import type { Counts } from '#libs/contracts';
import {
  ModelLoadError,
  RunnerCrashed,
  RunnerNotSpawned,
  RunTimeout,
  SequenceCanceled,
} from '../errors.js';
import { limitMemory } from './memory-limit.js';
import type {
  Loaded,
  LoadRequest,
  Piece,
  PiecesReply,
  ProfiledReply,
  RanReply,
  RunnerReply,
  RunnerRequest,
} from './protocol.js';
import { watchdog } from './watchdog.js';

export interface RunnerOptions extends Omit<LoadRequest, 'type' | 'observe'> {
  loadTimeoutMs: number;
  /** Most memory of its own that the process may take once the version is loaded; 0: any. */
  memoryLimitBytes: number;
  /** Scheduling priority of the process: 0, the default, to 19, which only gets what others leave. */
  niceness?: number | undefined;
  /** Ends the process while it loads. */
  signal: AbortSignal;
  /** A line that native code or the runner wrote; without it a crash leaves no trace. */
  onLine: (line: string) => void;
  /** Hears, a few times a second, what instances and predictions were like; absent: that is not counted. */
  onObserved?: ((counts: Counts) => void) | undefined;
}

/** Of a model with slots: a batch is a sequence, which comes and goes by itself. */
export interface SequenceRun {
  /** See SequenceRequest. */
  seed: string;
  /** Hears its text, as it comes. */
  told: (piece: Piece) => void;
  /** Ends it, and frees its slot at once. */
  signal: AbortSignal;
}

interface Pending {
  timeoutMs: number;
  told?: ((piece: Piece) => void) | undefined;
  /** Of a sequence: calls off its watchdog. */
  unwatch?: (() => void) | undefined;
  resolve: (reply: RanReply) => void;
  reject: (error: Error) => void;
}

/** A process ends sequences that take too long by itself; one that has not so long after hangs. */
const ANSWER_MS = 5000;

const ENTRY = new URL('./runner.process.js', import.meta.url);

/** A runner process as its parent sees it. One life: after its end a new one is started. */
export class Runner {
  /** In the order in which they are computed; sequences are computed together. */
  private readonly pending = new Map<number, Pending>();
  private nextBatch = 0;
  private ended: RunnerCrashed | undefined;
  /** Calls off the watchdog of what is computed now. */
  private unwatch: (() => void) | undefined;
  /** The batch that took too long. */
  private overran: number | undefined;
  private killed = false;
  private lastRssBytes: number;
  private profiling: PromiseWithResolvers<ProfiledReply> | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly loaded: Loaded,
    private readonly onObserved: (counts: Counts) => void,
    private readonly onEnd: (error: RunnerCrashed) => void,
  ) {
    this.lastRssBytes = loaded.rssBytes;
    child.on('message', (reply: RunnerReply) => {
      if (reply.type === 'ran') this.ran(reply);
      else if (reply.type === 'pieces') this.told(reply);
      else if (reply.type === 'observed') this.onObserved(reply.counts);
      else if (reply.type === 'profiled') this.profiling?.resolve(reply);
    });
    child.once('exit', (code, signal) => {
      this.end(code, signal);
    });
  }

  /**
   * Starts a process, loads and warms up.
   * @param onEnd called once when the process ends, wanted or not.
   * @throws ModelLoadError, RunnerNotSpawned
   */
  static async start(
    options: RunnerOptions,
    onEnd: (crash: RunnerCrashed) => void,
  ): Promise<Runner> {
    const { loadTimeoutMs, memoryLimitBytes, niceness, signal, onLine, onObserved, ...rest } =
      options;
    const load = { ...rest, observe: onObserved !== undefined };
    const child = await spawnRunner();
    // At once: threads have the priority of the one that starts them.
    if (niceness !== undefined) lowerPriority(child, niceness);
    // Sending to a process that is just ending: its exit says it all.
    child.on('error', () => undefined);
    const abort = (): boolean => child.kill('SIGKILL');
    signal.addEventListener('abort', abort);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', onLine);
    }
    const ended = endOf(child);
    try {
      const loaded = await Promise.race([loadIn(child, load, loadTimeoutMs), ended]);
      if (memoryLimitBytes > 0) {
        await Promise.race([limitMemory(child.pid ?? 0, memoryLimitBytes), ended]);
      }
      return new Runner(child, loaded, onObserved ?? (() => undefined), onEnd);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Resident memory, as it last told. */
  get rssBytes(): number {
    return this.lastRssBytes;
  }

  /**
   * Runs a batch after those that were sent before it, or a sequence along with them.
   * @param slices JSON texts, see RunRequest.
   * @param timeoutMs of computing; after that the process is killed, or the sequence ended.
   * @throws RunTimeout for the batch that took too long; RunnerCrashed for any that was there when the
   *   process ended otherwise, `suspect` where it was being computed; SequenceCanceled.
   */
  run(slices: string[], timeoutMs: number, sequence?: SequenceRun): Promise<RanReply> {
    if (this.ended) return Promise.reject(this.ended.forBystander());
    const batch = this.nextBatch++;
    return new Promise((resolve, reject) => {
      if (sequence) {
        this.generate(batch, slices, sequence, { timeoutMs, resolve, reject });
        return;
      }
      this.pending.set(batch, { timeoutMs, resolve, reject });
      this.child.send({ type: 'run', batch, slices } satisfies RunnerRequest);
      if (this.pending.size === 1) this.watch();
    });
  }

  /**
   * What the instances of the reference, and their predictions, are like; computed at leisure.
   * @throws RunnerCrashed
   */
  profile(): Promise<ProfiledReply> {
    if (this.ended) return Promise.reject(this.ended);
    if (!this.profiling) {
      this.profiling = Promise.withResolvers();
      this.child.send({ type: 'profile' } satisfies RunnerRequest);
    }
    return this.profiling.promise;
  }

  /** Ends the process at once; its memory goes back. */
  kill(): void {
    this.killed = true;
    this.child.kill('SIGKILL');
  }

  private generate(
    batch: number,
    slices: string[],
    { seed, told, signal }: SequenceRun,
    pending: Pending,
  ): void {
    const { timeoutMs, reject } = pending;
    const unwatch = watchdog(timeoutMs + ANSWER_MS, () => {
      this.overrun(batch);
    });
    this.pending.set(batch, { ...pending, told, unwatch });
    const request = { type: 'run', batch, slices, sequence: { seed, timeoutMs } } as const;
    this.child.send(request satisfies RunnerRequest);
    signal.addEventListener('abort', () => {
      if (!this.forget(batch)) return;
      this.child.send({ type: 'cancel', batch } satisfies RunnerRequest);
      reject(new SequenceCanceled());
    });
  }

  private told({ pieces }: PiecesReply): void {
    for (const { batch, ...piece } of pieces) this.pending.get(batch)?.told?.(piece);
  }

  private ran(reply: RanReply): void {
    this.lastRssBytes = reply.rssBytes;
    this.forget(reply.batch)?.resolve(reply);
    if (this.loaded.slots === undefined) this.watch();
  }

  private forget(batch: number): Pending | undefined {
    const pending = this.pending.get(batch);
    pending?.unwatch?.();
    this.pending.delete(batch);
    return pending;
  }

  /** Starts the clock of the batch that is computed now; batches run one after the other. */
  private watch(): void {
    this.unwatch?.();
    const [current] = this.pending;
    if (!current) return;
    const [batch, { timeoutMs }] = current;
    this.unwatch = watchdog(timeoutMs, () => {
      this.overrun(batch);
    });
  }

  private overrun(batch: number): void {
    this.overran = batch;
    this.kill();
  }

  private end(code: number | null, signal: string | null): void {
    this.unwatch?.();
    // Nobody here sent that signal: the kernel does when memory runs out, and V8 aborts.
    const outOfMemory = (signal === 'SIGKILL' && !this.killed) || signal === 'SIGABRT';
    const how =
      this.overran !== undefined
        ? 'computed for too long'
        : `ended (${signal ?? `code ${String(code)}`})`;
    const crash = new RunnerCrashed(`the runner ${how}`, { suspect: true, outOfMemory });
    this.ended = crash;
    const [current] = this.pending.keys();
    for (const batch of this.pending.keys()) {
      const computed = batch === current || this.loaded.slots !== undefined;
      const error = batch === this.overran ? new RunTimeout() : crash;
      this.forget(batch)?.reject(computed ? error : crash.forBystander());
    }
    this.profiling?.reject(crash);
    this.onEnd(crash);
  }
}

/** @throws RunnerNotSpawned */
async function spawnRunner(): Promise<ChildProcess> {
  try {
    const child = fork(ENTRY, {
      serialization: 'advanced',
      env: runnerEnvironment(),
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    if (child.pid !== undefined) return child;
    const [error] = (await once(child, 'error')) as [Error];
    throw error;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new RunnerNotSpawned(`no process could be started (${code ?? message})`, { cause });
  }
}

function lowerPriority({ pid }: ChildProcess, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // It has ended already, as loading will tell.
  }
}

/** Rejects when the process has ended, or cannot be started. @throws ModelLoadError */
function endOf(child: ChildProcess): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  child.once('exit', (code, signal) => {
    const how = signal ?? `code ${String(code)}`;
    reject(new ModelLoadError(`the process that loaded it ended (${how})`));
  });
  child.once('error', ({ message }) => {
    reject(new ModelLoadError(message));
  });
  // Once it has loaded, its end is heard otherwise.
  promise.catch(() => undefined);
  return promise;
}

/** @returns what the model turned out to be. @throws ModelLoadError */
function loadIn(
  child: ChildProcess,
  load: Omit<LoadRequest, 'type'>,
  timeoutMs: number,
): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const unwatch = watchdog(timeoutMs, () => {
      reject(new ModelLoadError(`not loaded and warm within ${String(timeoutMs / 1000)} s`));
    });
    child.once('exit', unwatch).once('error', unwatch);
    child.once('message', (reply: RunnerReply) => {
      unwatch();
      if (reply.type === 'loaded') resolve(reply.loaded);
      else if (reply.type === 'load-failed') reject(new ModelLoadError(reply.reason));
    });
    child.send({ type: 'load', ...load } satisfies RunnerRequest);
  });
}

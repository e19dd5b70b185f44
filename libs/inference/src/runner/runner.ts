import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runnerEnvironment } from '#libs/config';
import { ModelLoadError, RunnerCrashed } from '../errors.js';
import type {
  BatchTiming,
  JobOutcome,
  Loaded,
  LoadRequest,
  RunnerReply,
  RunnerRequest,
} from './protocol.js';

export interface RunnerOptions extends Omit<LoadRequest, 'type'> {
  loadTimeoutMs: number;
  /** A batch that takes longer is taken to hang: its process is killed. */
  runTimeoutMs: number;
  /** Ends the process while it loads. */
  signal: AbortSignal;
  /** A line that native code or the runner wrote; without it a crash leaves no trace. */
  onLine: (line: string) => void;
}

export interface BatchResult {
  jobs: JobOutcome[];
  timing: BatchTiming;
}

interface Pending {
  resolve: (result: BatchResult) => void;
  reject: (error: Error) => void;
}

const ENTRY = new URL('./runner.process.js', import.meta.url);

/** A runner process as its parent sees it. One life: after its end a new one is started. */
export class Runner {
  private readonly pending = new Map<number, Pending>();
  private nextBatch = 0;
  private ended: RunnerCrashed | undefined;
  private watchdog: NodeJS.Timeout | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly loaded: Loaded,
    private readonly runTimeoutMs: number,
    private readonly onEnd: (error: RunnerCrashed) => void,
  ) {
    child.on('message', (reply: RunnerReply) => {
      if (reply.type !== 'ran') return;
      this.pending.get(reply.batch)?.resolve(reply);
      this.pending.delete(reply.batch);
      this.watch();
    });
    child.once('exit', (code, signal) => {
      this.end(new RunnerCrashed(`the runner ended (${signal ?? `code ${String(code)}`})`));
    });
  }

  /**
   * Starts a process, loads and warms up.
   * @param onEnd called once when the process ends, wanted or not.
   * @throws ModelLoadError
   */
  static async start(
    options: RunnerOptions,
    onEnd: (crash: RunnerCrashed) => void,
  ): Promise<Runner> {
    const { loadTimeoutMs, runTimeoutMs, signal, onLine, ...load } = options;
    const child = fork(ENTRY, {
      serialization: 'advanced',
      env: runnerEnvironment(),
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    // Sending to a process that is just ending, or that could not be started: its exit says it all.
    child.on('error', () => undefined);
    const abort = (): boolean => child.kill('SIGKILL');
    signal.addEventListener('abort', abort);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', onLine);
    }
    try {
      const loaded = await loadIn(child, load, loadTimeoutMs);
      return new Runner(child, loaded, runTimeoutMs, onEnd);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** @param jobs the records' inputs, JSON text. @throws RunnerCrashed */
  run(jobs: string[]): Promise<BatchResult> {
    if (this.ended) return Promise.reject(this.ended);
    const batch = this.nextBatch++;
    return new Promise((resolve, reject) => {
      this.pending.set(batch, { resolve, reject });
      this.child.send({ type: 'run', batch, jobs } satisfies RunnerRequest);
      if (this.pending.size === 1) this.watch();
    });
  }

  /** Starts the clock of the batch that is computed now; batches run one after the other. */
  private watch(): void {
    clearTimeout(this.watchdog);
    if (this.pending.size > 0) {
      this.watchdog = setTimeout(() => {
        this.kill();
      }, this.runTimeoutMs);
    }
  }

  /** Ends the process at once; its memory goes back. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private end(error: RunnerCrashed): void {
    clearTimeout(this.watchdog);
    this.ended = error;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
    this.onEnd(error);
  }
}

/** @returns what the model turned out to be. @throws ModelLoadError */
function loadIn(
  child: ChildProcess,
  load: Omit<LoadRequest, 'type'>,
  timeoutMs: number,
): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      reject(new ModelLoadError(reason));
    };
    const timer = setTimeout(() => {
      fail(`not loaded and warm within ${String(timeoutMs / 1000)} s`);
    }, timeoutMs);
    const onExit = (code: number | null, signal: string | null): void => {
      clearTimeout(timer);
      fail(`the process that loaded it ended (${signal ?? `code ${String(code)}`})`);
    };
    child.once('exit', onExit);
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(error.message);
    });
    child.once('message', (reply: RunnerReply) => {
      if (reply.type === 'loaded') resolve(reply.loaded);
      else if (reply.type === 'load-failed') fail(reply.reason);
      clearTimeout(timer);
      child.off('exit', onExit);
    });
    child.send({ type: 'load', ...load } satisfies RunnerRequest);
  });
}

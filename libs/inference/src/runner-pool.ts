import type { VersionDescription } from '#libs/contracts';
import type { Capacity } from './batching/batcher.js';
import type { RunnerCrashed } from './errors.js';
import { Instance, type Lease } from './instance.js';
import type { Loaded, ProfiledReply } from './runner/protocol.js';
import { Runner, type RunnerOptions } from './runner/runner.js';

export interface RunnerPoolOptions {
  description: VersionDescription;
  /** Path of `model.onnx`. */
  file: string;
  /** Path of a file of instances that drift is told by. */
  reference?: string | undefined;
  runner: Pick<
    RunnerOptions,
    | 'executionProviders'
    | 'threads'
    | 'loadTimeoutMs'
    | 'memoryLimitBytes'
    | 'niceness'
    | 'onLine'
    | 'onObserved'
  >;
  /** An instance came up. */
  onUp: () => void;
  /** An instance is up again after a crash. */
  onRestart: () => void;
  onCrash: (crash: RunnerCrashed) => void;
  /** None is up any more, and the last one does not start. */
  onFailed: (error: Error) => void;
}

/** The runner processes of one state of a version's folder. */
export class RunnerPool implements Capacity {
  private readonly instances: Instance[] = [];
  private first: Loaded | undefined;
  private shrunk = false;

  constructor(private readonly options: RunnerPoolOptions) {}

  /** Resolves when the first instance is up; the others follow. @throws ModelLoadError */
  async start(): Promise<Loaded> {
    const instance = this.addInstance();
    try {
      const runner = await instance.start();
      this.first = runner.loaded;
      this.grow();
      return runner.loaded;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** What the first instance told of the graph. */
  get loaded(): Loaded | undefined {
    return this.first;
  }

  /** Instances that are up. */
  get warm(): number {
    return this.instances.filter(({ current }) => current).length;
  }

  /** By one of them. @throws Error where none is up, or its process ends. @see Runner */
  profile(): Promise<ProfiledReply> {
    const runner = this.instances.find(({ current }) => current)?.current;
    return runner?.profile() ?? Promise.reject(new Error('no instance is up'));
  }

  /** Resident memory of all of them. */
  get memoryBytes(): number {
    return this.instances.reduce((sum, { current }) => sum + (current?.rssBytes ?? 0), 0);
  }

  freeInMs(nowMs: number): number {
    return Math.min(...this.instances.map((instance) => instance.freeInMs(nowMs)));
  }

  hasIdle(): boolean {
    return this.instances.some(({ isIdle }) => isIdle);
  }

  /** A place in the instance that is free first. There must be one, see `freeInMs` and `hasIdle`. */
  lease(expectedMs: number, alone: boolean): Lease {
    const nowMs = performance.now();
    const candidates = alone ? this.instances.filter(({ isIdle }) => isIdle) : this.instances;
    const [soonest] = candidates.toSorted(
      (a, b) => a.freeInMs(nowMs) - b.freeInMs(nowMs) || a.underWay - b.underWay,
    );
    if (!soonest) throw new Error('no instance is free');
    return soonest.lease(expectedMs, alone);
  }

  private grow(): void {
    this.shrunk = false;
    while (this.instances.length < this.options.description.instances) {
      const instance = this.addInstance();
      instance.start().catch((error: unknown) => {
        this.drop(instance);
        this.options.runner.onLine(`another instance did not start: ${String(error)}`);
      });
    }
  }

  /** Brings back what `shrink` has ended. */
  restore(): void {
    if (this.shrunk) this.grow();
  }

  /** Ends instances that are idle, down to so many. */
  shrink(to: number): void {
    this.shrunk = true;
    const idle = this.instances.filter(({ isIdle }) => isIdle);
    for (const instance of idle.slice(0, Math.max(0, this.instances.length - to))) {
      this.drop(instance);
    }
  }

  /** Ends all of them at once. */
  stop(): void {
    for (const instance of this.instances.splice(0)) instance.stop();
  }

  private addInstance(): Instance {
    const { description, file, reference, runner, onUp, onRestart, onCrash, onFailed } =
      this.options;
    const taken = new Set(this.instances.map((instance) => instance.number));
    let number = 0;
    while (taken.has(number)) number++;
    const instance = new Instance(number, {
      start: (signal, onEnd) =>
        Runner.start({ description, file, reference, instance: number, signal, ...runner }, onEnd),
      onUp,
      onHeldUp: ({ message }) => {
        runner.onLine(message);
      },
      onRestart,
      onCrash,
      onFailed: (error) => {
        if (this.warm === 0) onFailed(error);
      },
    });
    this.instances.push(instance);
    return instance;
  }

  private drop(instance: Instance): void {
    const at = this.instances.indexOf(instance);
    if (at >= 0) this.instances.splice(at, 1);
    instance.stop();
  }
}

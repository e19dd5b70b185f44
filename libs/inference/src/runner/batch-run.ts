import type { Batch, InputEncoder, OutputDecoder } from '#libs/kinds';
import { isOutOfMemory } from '../out-of-memory.js';
import type { BoundProcessor } from '../processor/load-processor.js';
import type { Observer } from './observer.js';
import type { BatchTiming, RanReply } from './protocol.js';
import { Slices } from './slices.js';

/** What became of a batch. */
export type Ran = Pick<RanReply, 'slices' | 'timing' | 'outOfMemory'>;

/** What a batch is run with. */
export interface Engine {
  readonly encoder: InputEncoder;
  readonly decoder: OutputDecoder;
  readonly processor?: BoundProcessor | undefined;
  /** Most instances of one run. */
  readonly maxRows: number;
  /** Runs prepared instances of one lane; what that took is added to `timing`. */
  infer: (prepared: readonly unknown[], timing: BatchTiming) => Promise<Batch>;
}

/**
 * Runs slices of jobs together. An instance that cannot be used fails alone.
 * @param observer hears of every instance that the graph has answered, whatever a `postprocess` makes of that.
 */
export async function runBatch(
  engine: Engine,
  texts: readonly string[],
  observer?: Observer,
): Promise<Ran> {
  const start = performance.now();
  const slices = new Slices(texts);
  const run = new BatchRun(engine, slices, observer);
  await run.prepare();
  const lanes = run.lanes();
  run.timing.preprocessMs = performance.now() - start;
  for (const lane of lanes) {
    for (let i = 0; i < lane.length; i += engine.maxRows) {
      await run.runOrBisect(lane.slice(i, i + engine.maxRows));
    }
  }
  const ended = performance.now();
  const outcomes = slices.outcomes();
  run.timing.postprocessMs += performance.now() - ended;
  return { slices: outcomes, timing: run.timing, outOfMemory: run.outOfMemory };
}

class BatchRun {
  readonly timing: BatchTiming = { preprocessMs: 0, inferenceMs: 0, postprocessMs: 0 };
  outOfMemory = false;
  /** By the number of the instance; nothing for one that has failed. */
  private prepared: unknown[];

  constructor(
    private readonly engine: Engine,
    private readonly slices: Slices,
    private readonly observer: Observer | undefined,
  ) {
    this.prepared = slices.instances;
  }

  /** All at once: decoding happens in threads of its own. */
  async prepare(): Promise<void> {
    const { encoder, processor } = this.engine;
    const preprocess = processor?.preprocess;
    if (!preprocess && !encoder.prepare) return;
    const { instances, parameters } = this.slices;
    const settled = await Promise.allSettled(
      instances.map(async (sent, i) => {
        if (sent === undefined) return undefined;
        const instance = preprocess ? await preprocess(sent, parameters[i] ?? {}) : sent;
        return encoder.prepare ? encoder.prepare(instance) : instance;
      }),
    );
    this.prepared = settled.map((result, i) => {
      if (result.status === 'fulfilled') return result.value;
      this.slices.fail(i, result.reason);
      return undefined;
    });
  }

  /** @returns numbers of instances, those together that may share a run. */
  lanes(): number[][] {
    const lanes = new Map<string, number[]>();
    this.prepared.forEach((prepared, i) => {
      if (prepared === undefined) return;
      try {
        const name = this.engine.encoder.laneOf?.(prepared) ?? '';
        const lane = lanes.get(name);
        if (lane) lane.push(i);
        else lanes.set(name, [i]);
      } catch (error) {
        this.slices.fail(i, error);
      }
    });
    return [...lanes.values()];
  }

  /** A run that fails is halved until the instances that fail stand alone. */
  async runOrBisect(instances: readonly number[]): Promise<void> {
    const [only] = instances;
    if (only === undefined) return;
    try {
      const prepared = instances.map((i) => this.prepared[i]);
      const outputs = await this.engine.infer(prepared, this.timing);
      this.decode(instances, outputs);
      const postprocess = this.engine.processor?.postprocess;
      if (postprocess) await this.postprocess(instances, postprocess);
    } catch (error) {
      if (instances.length === 1) {
        this.slices.fail(only, error);
        return;
      }
      this.outOfMemory ||= isOutOfMemory(error);
      const half = instances.length >>> 1;
      await this.runOrBisect(instances.slice(0, half));
      await this.runOrBisect(instances.slice(half));
    }
  }

  private decode(instances: readonly number[], outputs: Batch): void {
    const start = performance.now();
    const { encoder, decoder } = this.engine;
    const { slices, observer } = this;
    instances.forEach((instance, row) => {
      slices.batchSizes[instance] = instances.length;
      const context = encoder.contextOf?.(this.prepared[instance]);
      const parameters = slices.parameters[instance] ?? {};
      try {
        slices.outputs[instance] = decoder.decode(outputs, row, parameters, context);
        if (!observer) return;
        observer.instance(this.prepared[instance]);
        decoder.tell?.(observer);
      } catch (error) {
        // Whatever it gave, it took the input.
        slices.fail(instance, error, 'inference-failed');
      }
    });
    this.timing.postprocessMs += performance.now() - start;
  }

  private async postprocess(
    instances: readonly number[],
    postprocess: NonNullable<BoundProcessor['postprocess']>,
  ): Promise<void> {
    const start = performance.now();
    const { outputs, parameters } = this.slices;
    const decoded = instances.filter((instance) => !this.slices.hasFailed(instance));
    await Promise.all(
      decoded.map(async (i) => {
        try {
          outputs[i] = await postprocess(outputs[i] ?? '', parameters[i] ?? {});
        } catch (error) {
          this.slices.fail(i, error);
        }
      }),
    );
    this.timing.postprocessMs += performance.now() - start;
  }
}

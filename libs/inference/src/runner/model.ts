import path from 'node:path';
import { PROCESSOR_HOOKS, type VersionDescription } from '#libs/contracts';
import {
  type Batch,
  type BatchAxis,
  batchAxisOf,
  type InputEncoder,
  maxRowsOf,
  openEncoder,
  type OutputDecoder,
  outputKind,
  repeatLastRow,
} from '#libs/kinds';
import { isOutOfMemory } from '../out-of-memory.js';
import { type BoundProcessor, loadProcessor } from '../processor/load-processor.js';
import { type Ran, runBatch } from './batch-run.js';
import type { Observer } from './observer.js';
import type { BatchTiming, Loaded, LoadRequest, RunSample } from './protocol.js';
import { LostBatchDimension, Session } from './session.js';
import { warmUp } from './warm-up.js';
import { watched, type Watch } from './watch.js';

/** A version, open and warm: decode, run in batches, post-process. */
export class Model {
  /** Most instances of one run; Infinity where the parent decides alone. */
  maxRows = Infinity;

  private constructor(
    private readonly session: Session,
    private readonly axis: BatchAxis,
    readonly encoder: InputEncoder,
    readonly decoder: OutputDecoder,
    readonly processor: BoundProcessor | undefined,
    /** How drift is watched; undefined: it is not. */
    readonly watch: Watch | undefined,
  ) {}

  /** Opens, checks against the manifest, and warms up. @throws ModelLoadError, ManifestMismatch */
  static async load(request: LoadRequest): Promise<{ model: Model; loaded: Loaded }> {
    const start = performance.now();
    const session = await Session.open(request);
    const { tensors, executionProvider } = session;
    const opened: VersionDescription = { ...request.description, tensors };
    const processor = opened.processor && (await loadProcessor(opened, request.file));
    const hooks = processor && PROCESSOR_HOOKS.filter((hook) => processor[hook]);
    const version = { ...opened, hooks };
    const maxBatchSize = version.batching.max_batch_size;
    const model = new Model(
      session,
      batchAxisOf(tensors, maxBatchSize),
      await openEncoder(version, tensors.inputs, path.dirname(request.file)),
      outputKind(version.output).openDecoder(version, tensors.outputs),
      processor,
      request.observe ? await watched(version, request.reference) : undefined,
    );
    const samples = await model.warmUp(version);
    const loaded = {
      tensors,
      hooks,
      executionProvider,
      rowsPerRun: Number.isFinite(model.maxRows) ? model.maxRows : null,
      samples,
      drift: model.watch?.basis,
      loadMs: performance.now() - start,
      rssBytes: process.memoryUsage.rss(),
    };
    return { model, loaded };
  }

  /** See `runBatch`. @param slices see the protocol. */
  run(slices: readonly string[], observer?: Observer): Promise<Ran> {
    return runBatch(this, slices, observer);
  }

  /**
   * One run of the graph.
   * @param prepared instances of one lane, at most `maxRows`.
   * @param timing what it took is added.
   */
  async infer(prepared: readonly unknown[], timing: BatchTiming): Promise<Batch> {
    const start = performance.now();
    const rows = this.axis.kind === 'fixed' ? this.axis.rows : prepared.length;
    const batch = this.encoder.encode(prepared, rows);
    repeatLastRow(batch, prepared.length, rows);
    const encoded = performance.now();
    timing.preprocessMs += encoded - start;
    try {
      return await this.session.run(batch, rows, this.axis, this.decoder.tensors);
    } finally {
      timing.inferenceMs += performance.now() - encoded;
    }
  }

  /**
   * Finds out as well whether the graph keeps its batch dimension. Kinds that name their fields must
   * bear harmless rows; a raw graph may rightly refuse zeros.
   */
  private async warmUp(version: VersionDescription): Promise<RunSample[]> {
    const { warmup, batching } = version;
    const maxRows = maxRowsOf(this.axis, batching.max_batch_size);
    if (this.axis.kind !== 'dynamic') this.maxRows = maxRows;
    const options = {
      batchSizes: warmup.batch_sizes,
      run: async (rows: number) => {
        const timing = { preprocessMs: 0, inferenceMs: 0, postprocessMs: 0 };
        await this.infer(Array<unknown>(rows).fill(this.encoder.sample), timing);
        return timing.inferenceMs;
      },
      mayFail: (error: unknown, rows: number) => {
        if (error instanceof LostBatchDimension) return false;
        return this.encoder.sampleMayFail === true || (rows > 1 && isOutOfMemory(error));
      },
    };
    try {
      return await warmUp({ ...options, maxRows });
    } catch (error) {
      if (!(error instanceof LostBatchDimension)) throw error;
      this.maxRows = 1;
      return warmUp({ ...options, maxRows: 1 });
    }
  }
}

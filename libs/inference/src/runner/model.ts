import { jobProblem, type VersionDescription } from '#libs/contracts';
import { type BatchAxis, batchAxisOf, instanceShape } from '#libs/models';
import { InstanceError, plainReason } from '../errors.js';
import { type InputEncoder, inputEncoder } from '../inputs/input-encoder.js';
import {
  type CallParameters,
  type OutputDecoder,
  outputDecoder,
} from '../outputs/output-decoder.js';
import type { OutputRow } from '../outputs/output-decoder.js';
import { allocate, type Row, sizeOf } from '../tensors.js';
import type { BatchTiming, JobOutcome, Loaded, LoadRequest } from './protocol.js';
import { LostBatchDimension, Session } from './session.js';

/** An instance on its way through a batch; its slot stays its place in the job. */
interface Slot {
  job: number;
  row: Row | null;
  output: unknown;
  error: unknown;
  batchSize: number;
}

interface JobInput {
  input?: unknown;
  inputs?: unknown[];
  parameters?: CallParameters;
}

/** A version, open and warm: decode, run in batches, post-process. */
export class Model {
  private maxRows: number;

  private constructor(
    private readonly description: VersionDescription,
    private readonly session: Session,
    private readonly axis: BatchAxis,
    private readonly encoder: InputEncoder,
    private readonly decoder: OutputDecoder,
  ) {
    this.maxRows = axis === 'dynamic' ? description.batching.max_batch_size : 1;
  }

  /** Opens, checks against the manifest, and warms up. @throws ModelLoadError, ManifestMismatch */
  static async load(request: LoadRequest): Promise<{ model: Model; loaded: Loaded }> {
    const start = performance.now();
    const { description } = request;
    const session = await Session.open(request.file, request.executionProviders, request.threads);
    const { tensors } = session;
    const model = new Model(
      description,
      session,
      batchAxisOf(tensors, description.batching.max_batch_size),
      inputEncoder(description, tensors.inputs),
      outputDecoder(description, tensors.outputs),
    );
    await model.warmUp();
    const { executionProvider } = session;
    const loadMs = performance.now() - start;
    return { model, loaded: { tensors, executionProvider, maxRows: model.maxRows, loadMs } };
  }

  /** Runs a batch. An instance that cannot be used fails alone. */
  async run(jobs: readonly string[]): Promise<{ jobs: JobOutcome[]; timing: BatchTiming }> {
    const start = performance.now();
    const inputs = jobs.map((text) => JSON.parse(text) as JobInput);
    const slots = await this.encode(inputs);
    const encoded = performance.now();
    let inferenceMs = 0;
    for (const chunk of this.chunks(slots)) {
      const began = performance.now();
      const outputs = await this.runOrBisect(chunk);
      inferenceMs += performance.now() - began;
      this.decode(chunk, outputs, inputs);
    }
    const outcomes = inputs.map((_, job) => outcome(slots.filter((slot) => slot.job === job)));
    const wholeMs = performance.now() - encoded;
    return {
      jobs: outcomes,
      timing: {
        preprocessMs: encoded - start,
        inferenceMs,
        postprocessMs: wholeMs - inferenceMs,
      },
    };
  }

  private async encode(inputs: readonly JobInput[]): Promise<Slot[]> {
    const slots: Promise<Slot>[] = [];
    inputs.forEach(({ input, inputs: many }, job) => {
      for (const instance of many ?? [input]) slots.push(this.encodeOne(instance, job));
    });
    return Promise.all(slots);
  }

  private async encodeOne(instance: unknown, job: number): Promise<Slot> {
    const slot: Slot = { job, row: null, output: null, error: null, batchSize: 0 };
    try {
      slot.row = await this.encoder.encode(instance);
    } catch (error) {
      slot.error = error;
    }
    return slot;
  }

  /** Rows of equal shapes together, at most as many as the graph takes at once. */
  private *chunks(slots: readonly Slot[]): Generator<Slot[]> {
    const byShape = new Map<string, Slot[]>();
    for (const slot of slots) {
      if (!slot.row) continue;
      const signature = shapeSignature(slot.row);
      const group = byShape.get(signature);
      if (group) group.push(slot);
      else byShape.set(signature, [slot]);
    }
    for (const group of byShape.values()) {
      for (let i = 0; i < group.length; i += this.maxRows) yield group.slice(i, i + this.maxRows);
    }
  }

  /** A run that fails is halved until the instances that fail stand alone. */
  private async runOrBisect(chunk: Slot[]): Promise<(OutputRow | null)[]> {
    try {
      const outputs = await this.session.run(rowsOf(chunk), this.axis);
      for (const slot of chunk) slot.batchSize = chunk.length;
      return outputs;
    } catch (error) {
      const [only] = chunk;
      if (only && chunk.length === 1) {
        only.error = error;
        return [null];
      }
      const half = chunk.length >>> 1;
      return [
        ...(await this.runOrBisect(chunk.slice(0, half))),
        ...(await this.runOrBisect(chunk.slice(half))),
      ];
    }
  }

  private decode(
    chunk: readonly Slot[],
    outputs: readonly (OutputRow | null)[],
    inputs: readonly JobInput[],
  ): void {
    chunk.forEach((slot, i) => {
      const output = outputs[i];
      if (!output) return;
      try {
        slot.output = this.decoder.decode(output, inputs[slot.job]?.parameters ?? {});
      } catch (error) {
        slot.error = error;
      }
    });
  }

  /**
   * Runs zeros in each configured batch size, so that the first caller does not pay for lazy
   * initialisation, and finds out whether the graph keeps its batch dimension. Kinds that name their
   * fields must bear it; a raw graph may rightly refuse zeros.
   */
  private async warmUp(): Promise<void> {
    const sizes = this.description.warmup.batch_sizes.filter((size) => size <= this.maxRows);
    for (const size of new Set([this.maxRows > 1 ? 2 : 1, ...sizes])) {
      try {
        await this.session.run(Array<Row>(size).fill(this.zeros()), this.axis);
      } catch (error) {
        if (error instanceof LostBatchDimension) {
          this.maxRows = 1;
          return;
        }
        if (this.description.input.kind !== 'tensor') throw error;
      }
    }
  }

  private zeros(): Row {
    return Object.fromEntries(
      this.session.tensors.inputs.map((tensor) => {
        const shape = instanceShape(tensor, this.axis).map((s) => (typeof s === 'number' ? s : 1));
        return [tensor.name, { data: allocate(tensor.dtype, sizeOf(shape)), shape }];
      }),
    );
  }
}

function rowsOf(chunk: readonly Slot[]): Row[] {
  return chunk.map(({ row }) => row).filter((row) => row !== null);
}

function shapeSignature(row: Row): string {
  return Object.values(row)
    .map(({ shape }) => shape.join('x'))
    .join(';');
}

function outcome(slots: readonly Slot[]): JobOutcome {
  const problems = slots.map(({ error }) => (error === null ? null : problemOf(error)));
  return {
    outputs: JSON.stringify(
      slots.map(({ output }, i) => (problems[i] ? { error: problems[i] } : output)),
    ),
    done: problems.filter((problem) => problem === null).length,
    error: problems.find((problem) => problem !== null) ?? null,
    batchSize: Math.max(0, ...slots.map(({ batchSize }) => batchSize)),
  };
}

function problemOf(error: unknown) {
  return error instanceof InstanceError
    ? jobProblem('invalid-input', error.message)
    : jobProblem('inference-failed', plainReason(error));
}

import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TensorInfo } from '#libs/contracts';
import type { BatchAxis } from '#libs/models';
import { ModelLoadError, plainReason } from '../errors.js';
import type { OutputRow } from '../outputs/output-decoder.js';
import { fromWire, toWire } from './float16.js';
import { type Block, concatenate, type Row, sizeOf } from '../tensors.js';

/** An open graph. Lives in a runner process: `run` blocks the event loop while it computes. */
export class Session {
  private constructor(
    private readonly session: InferenceSession,
    readonly tensors: { inputs: TensorInfo[]; outputs: TensorInfo[] },
    readonly executionProvider: string,
  ) {}

  /**
   * Opens a graph with the first provider that works.
   * @throws ModelLoadError when none does, or when the graph exchanges other things than tensors.
   */
  static async open(file: string, providers: string[], threads: number): Promise<Session> {
    const failures: string[] = [];
    for (const provider of providers) {
      try {
        const session = await InferenceSession.create(file, {
          executionProviders: [provider],
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          logSeverityLevel: 3,
          // A spinning thread takes a core from its neighbours between runs.
          extra: { session: { intra_op: { allow_spinning: '0' } } },
        });
        return new Session(
          session,
          {
            inputs: session.inputMetadata.map((m) => tensorInfo(m, 'input')),
            outputs: session.outputMetadata.map((m) => tensorInfo(m, 'output')),
          },
          provider,
        );
      } catch (error) {
        failures.push(`${provider}: ${plainReason(error)}`);
      }
    }
    throw new ModelLoadError(failures.join('; '));
  }

  /**
   * Runs rows whose blocks have equal shapes.
   * @returns for each row its part of every output.
   */
  async run(rows: readonly Row[], axis: BatchAxis): Promise<OutputRow[]> {
    const feeds: Record<string, Tensor> = {};
    for (const { name, dtype, shape: declared } of this.tensors.inputs) {
      const blocks = rows.map((row) => row[name]).filter((block): block is Block => !!block);
      const shape = blocks[0]?.shape ?? [];
      // Run singly, a raw instance is the whole tensor; a row of fields or an image still lacks its 1.
      const whole = axis === 'none' && shape.length === declared.length;
      const dims = whole ? shape : [rows.length, ...shape];
      feeds[name] = new Tensor(
        dtype as 'float32',
        toWire(concatenate(dtype, blocks)) as Float32Array,
        dims,
      );
    }
    const results = await this.session.run(feeds);
    return rows.map((_, row) => this.outputRow(results, row, rows.length, axis));
  }

  private outputRow(
    results: InferenceSession.ReturnType,
    row: number,
    rows: number,
    axis: BatchAxis,
  ): OutputRow {
    const output: OutputRow = {};
    for (const { name } of this.tensors.outputs) {
      const tensor = results[name];
      if (!tensor) throw new Error(`the graph gave no output ${name}`);
      const keepsRows = axis !== 'none' && tensor.dims[0] === rows;
      if (axis !== 'none' && !keepsRows && rows > 1) throw new LostBatchDimension(name);
      const shape = keepsRows ? tensor.dims.slice(1) : tensor.dims;
      const offset = keepsRows ? row * sizeOf(shape) : 0;
      output[name] = { data: fromWire(tensor.type, tensor.data), offset, shape };
    }
    return output;
  }
}

/** The graph declares a batch dimension and does not keep it, so that rows cannot be told apart. */
export class LostBatchDimension extends Error {
  override readonly name = 'LostBatchDimension';

  constructor(tensor: string) {
    super(`the output ${tensor} does not keep the batch dimension`);
  }
}

function tensorInfo(
  metadata: InferenceSession.ValueMetadata,
  direction: 'input' | 'output',
): TensorInfo {
  if (!metadata.isTensor) {
    throw new ModelLoadError(`the ${direction} ${metadata.name} is no tensor`);
  }
  return {
    name: metadata.name,
    dtype: metadata.type as TensorInfo['dtype'],
    // A dimension that the graph leaves unnamed gets a name, so that no two unnamed ones are one.
    shape: metadata.shape.map((size, i) => (size === '' ? `${metadata.name}_${String(i)}` : size)),
  };
}

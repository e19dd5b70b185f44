import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TensorInfo } from '#libs/contracts';
import { type Batch, type BatchAxis, sizeOf } from '#libs/kinds';
import { checkModelFile } from '#libs/models';
import { ModelLoadError } from '../errors.js';
import type { GraphTensor } from '../generation/key-value-cache.js';
import { fromWire, toWire } from './float16.js';
import { providerChoice, providerFailure, usesNvidiaGpu } from './execution-providers.js';
import { countGpus } from './gpus.js';
import { becomeOomVictim } from './oom-victim.js';
import { ortReason } from './ort-reason.js';
import type { LoadRequest } from './protocol.js';

/** More than the largest request body (256 MiB of JSON, two bytes an element) can hold. */
const MAX_INPUT_ELEMENTS = 2 ** 27;

/** @see LoadRequest */
export type OpenRequest = Pick<LoadRequest, 'file' | 'executionProviders' | 'threads' | 'instance'>;

/** An open graph. Lives in a runner process: `run` blocks the event loop while it computes. */
export class Session {
  private constructor(
    private readonly session: InferenceSession,
    readonly tensors: { inputs: TensorInfo[]; outputs: TensorInfo[] },
    readonly executionProvider: string,
  ) {}

  /**
   * Opens a graph with the first provider that works; those that were tried before it are written to
   * stderr, which the parent logs. Nothing is tried that is not asked for.
   * @throws ModelLoadError when none works, or when the graph exchanges other things than tensors.
   * @throws ModelFileError when the file must not even be tried.
   */
  static async open(request: OpenRequest): Promise<Session> {
    const { file, executionProviders, threads, instance } = request;
    await becomeOomVictim();
    await checkModelFile(file);
    const gpuCount = executionProviders.some(usesNvidiaGpu) ? await countGpus() : 0;
    const failures: string[] = [];
    for (const name of executionProviders) {
      const { label, sessionProviders } = providerChoice(name, instance, gpuCount);
      try {
        const session = await InferenceSession.create(file, {
          executionProviders: sessionProviders,
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          logSeverityLevel: 3,
          // A spinning thread takes a core from its neighbours between runs.
          extra: { session: { intra_op: { allow_spinning: '0' } } },
        });
        if (failures.length > 0) console.warn(`${failures.join('; ')}; ${label} is used instead`);
        return new Session(session, tensorsOf(session), label);
      } catch (error) {
        if (error instanceof ModelLoadError) throw error;
        failures.push(`${label}: ${providerFailure(name, ortReason(error))}`);
      }
    }
    throw new ModelLoadError(failures.join('; '));
  }

  /**
   * One run with tensors as they are, float16 as raw bits. What came out of one run may go into the next:
   * it is not copied again, nor made a tensor again.
   */
  async call(
    feeds: Readonly<Record<string, GraphTensor>>,
    outputs: readonly string[],
  ): Promise<GraphTensor[]> {
    const tensors: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) {
      const { type, data, dims } = tensor;
      tensors[name] =
        tensor instanceof Tensor
          ? tensor
          : new Tensor(type as 'float32', data as Float32Array, dims);
    }
    const results = await this.session.run(tensors, outputs);
    return outputs.map((name) => results[name] as GraphTensor);
  }

  /**
   * Runs a batch of `rows` rows.
   * @param outputs those that are wanted.
   * @throws LostBatchDimension where an output does not have as many rows.
   */
  async run(
    batch: Batch,
    rows: number,
    axis: BatchAxis,
    outputs: readonly string[],
  ): Promise<Batch> {
    const feeds: Record<string, Tensor> = {};
    for (const { name, dtype, shape: declared } of this.tensors.inputs) {
      const input = batch[name];
      if (!input) throw new Error(`nothing to give to the input ${name}`);
      const { data, shape } = input;
      // Run singly, a raw instance is the whole tensor; a row of fields or an image still lacks its 1.
      const whole = axis.kind === 'none' && shape.length === declared.length;
      const dims = whole ? shape : [rows, ...shape];
      feeds[name] = new Tensor(dtype as 'float32', toWire(data) as Float32Array, dims);
    }
    const results = await this.session.run(feeds, outputs);
    const answer: Batch = {};
    for (const name of outputs) {
      const tensor = results[name];
      if (!tensor) throw new Error(`the graph gave no output ${name}`);
      const { dims, type } = tensor;
      const keepsRows = axis.kind !== 'none' && dims[0] === rows;
      if (axis.kind !== 'none' && !keepsRows && rows > 1) throw new LostBatchDimension(name);
      answer[name] = {
        data: fromWire(type, tensor.data),
        shape: keepsRows ? dims.slice(1) : dims,
      };
    }
    return answer;
  }
}

/** The graph declares a batch dimension and does not keep it, so that rows cannot be told apart. */
export class LostBatchDimension extends Error {
  override readonly name = 'LostBatchDimension';

  constructor(tensor: string) {
    super(`the output ${tensor} does not keep the batch dimension`);
  }
}

function tensorsOf(session: InferenceSession): { inputs: TensorInfo[]; outputs: TensorInfo[] } {
  const inputs = session.inputMetadata.map((m) => tensorInfo(m, 'input'));
  for (const { name, shape } of inputs) {
    const elements = sizeOf(shape.filter((size) => typeof size === 'number'));
    if (elements > MAX_INPUT_ELEMENTS) {
      const most = String(MAX_INPUT_ELEMENTS);
      throw new ModelLoadError(
        `the input ${name} has ${String(elements)} elements; ${most} are the most that can be sent`,
      );
    }
  }
  return { inputs, outputs: session.outputMetadata.map((m) => tensorInfo(m, 'output')) };
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

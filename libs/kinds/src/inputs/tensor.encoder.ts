import { isRecord, type TensorInfo, type VersionDescription } from '#libs/contracts';
import { batchAxisOf, instanceShape } from '../batch-axis.js';
import { InstanceError } from '../errors.js';
import type { InputEncoder, InstanceContext, Lengths } from '../input-kind.js';
import { instanceInputs } from '../instance-inputs.js';
import { allocate, type Batch, flattenInto, sizeOf } from '../tensors.js';
import { bucketOf, laneOf, lengthsOf, signatureOf, variableDimensions } from './shape-signature.js';

/**
 * Nested arrays by input name, or by themselves where there is one input. Instances of one lane are
 * filled up to a common shape; a mask gets 1 for their own elements and 0 for the filling.
 */
export class TensorEncoder implements InputEncoder {
  readonly sample: Record<string, unknown>;
  readonly contextOf: ((instance: unknown) => InstanceContext) | undefined;
  /** A raw graph may rightly refuse zeros. */
  readonly sampleMayFail = true;
  private readonly inputs: TensorInfo[];
  private readonly mask: TensorInfo | undefined;

  constructor(private readonly version: VersionDescription) {
    this.inputs = instanceInputs(version);
    this.mask = maskInput(version);
    this.sample = this.zeros();
    if (version.batching.padding) {
      this.contextOf = (instance) => ({ lengths: this.measure(instance) });
    }
  }

  laneOf(instance: unknown): string {
    this.requireFit(instance);
    return laneOf(this.version, signatureOf(lengthsOf(this.version, instance)));
  }

  encode(instances: readonly unknown[], rows: number): Batch {
    const { padding } = this.version.batching;
    const own = instances.map((instance) => this.measure(instance));
    const common = this.commonLengths(own);
    const batch: Batch = {};
    for (const { name, dtype, shape: open } of this.inputs) {
      const shape = resolve(open, common);
      const size = sizeOf(shape);
      const whole = { data: allocate(dtype, rows * size, padding?.value), shape };
      instances.forEach((instance, row) => {
        flattenInto(whole, row * size, valueOf(instance, name), dtype);
      });
      batch[name] = whole;
    }
    if (this.mask) {
      const { name, dtype, shape: open } = this.mask;
      const shape = resolve(open, common);
      const size = sizeOf(shape);
      const whole = { data: allocate(dtype, rows * size), shape };
      own.forEach((lengths, row) => {
        flattenInto(whole, row * size, nested(resolve(open, lengths), true), dtype);
      });
      batch[name] = whole;
    }
    return batch;
  }

  private measure(instance: unknown): Lengths {
    const lengths = lengthsOf(this.version, instance);
    const dimensions = variableDimensions(this.version);
    return new Map(dimensions.map(({ symbol }, i) => [symbol, lengths[i] ?? 0]));
  }

  /** Without padding all of a lane are equal; with it, they get the bucket's or the longest's. */
  private commonLengths(own: readonly Lengths[]): Lengths {
    const { padding } = this.version.batching;
    const common = new Map<string, number>();
    for (const { symbol } of variableDimensions(this.version)) {
      const longest = Math.max(...own.map((lengths) => lengths.get(symbol) ?? 0));
      common.set(symbol, padding ? bucketOf(padding, longest) : longest);
    }
    return common;
  }

  /** The api has checked it, but perhaps against a graph that has been replaced since. */
  private requireFit(instance: unknown): void {
    const lengths = this.measure(instance);
    for (const { name, shape } of this.inputs) {
      const value = valueOf(instance, name);
      let level = value;
      let fits = value !== undefined;
      for (const length of resolve(shape, lengths)) {
        fits &&= Array.isArray(level) && level.length === length;
        level = Array.isArray(level) ? (level[0] as unknown) : undefined;
      }
      if (fits && !Array.isArray(level)) continue;
      throw new InstanceError(`the input ${name} does not have the shape that the model now has`);
    }
  }

  /** As long as the longest bucket, so that the largest run has been seen to work. */
  private zeros(): Record<string, unknown> {
    const length = this.version.batching.padding?.buckets?.at(-1) ?? 1;
    return Object.fromEntries(
      this.inputs.map(({ name, dtype, shape }) => {
        const lengths = shape.map((size) => (typeof size === 'number' ? size : length));
        return [name, nested(lengths, dtype === 'string' ? '' : dtype === 'bool' ? false : 0)];
      }),
    );
  }
}

function maskInput({ tensors, batching }: VersionDescription): TensorInfo | undefined {
  const mask = tensors?.inputs.find(({ name }) => name === batching.padding?.mask);
  if (!tensors || !mask) return undefined;
  const axis = batchAxisOf(tensors, batching.max_batch_size);
  return { ...mask, shape: instanceShape(mask, axis) };
}

function valueOf(instance: unknown, name: string): unknown {
  return isRecord(instance) ? instance[name] : instance;
}

function resolve(shape: readonly (number | string)[], lengths: Lengths): number[] {
  return shape.map((size) => (typeof size === 'number' ? size : (lengths.get(size) ?? 0)));
}

/** Nested arrays that are the same everywhere. */
function nested(shape: readonly number[], element: unknown): unknown {
  return shape.reduceRight((inner, length) => Array<unknown>(length).fill(inner), element);
}

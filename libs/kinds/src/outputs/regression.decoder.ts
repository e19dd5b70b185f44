import type { RegressionOutput, RegressionTarget, TensorInfo } from '#libs/contracts';
import { InstanceError, ManifestMismatch } from '../errors.js';
import { findTensor } from '../graph.js';
import { type Batch, sizeOf } from '../tensors.js';
import type { OutputDecoder, PredictionObserver } from '../output-kind.js';
import { round } from './rounding.js';

/**
 * One number → `{value}`, or a number for each of the named targets → `{values}`: `value × std + mean`,
 * transformed, clipped to the declared range, rounded.
 */
export class RegressionDecoder implements OutputDecoder {
  readonly tensors: readonly [string];
  /** In the order of the numbers; the names as they stand in JSON. */
  private readonly targets: readonly { name: string; target: RegressionTarget }[];
  /** Of the row that was decoded last. */
  private value = NaN;

  constructor(
    private readonly spec: RegressionOutput,
    outputs: TensorInfo[],
  ) {
    const tensor = findTensor(outputs, spec.tensor, 'output');
    this.tensors = [tensor.name];
    this.targets = (spec.targets ?? []).map((target) => ({
      name: JSON.stringify(target.name),
      target,
    }));
    const numbers = tensor.shape.length > 1 ? tensor.shape.at(-1) : 1;
    if (spec.targets && typeof numbers === 'number') this.requireCount(numbers);
  }

  decode(outputs: Batch, row: number): string {
    const output = outputs[this.tensors[0]];
    const given = sizeOf(output?.shape ?? []);
    this.requireCount(given);
    const data = output?.data ?? [];
    if (!this.spec.targets) {
      this.value = valueOf(Number(data[row]), this.spec);
      return `{"value":${String(this.value)}}`;
    }
    const values = this.targets.map(
      ({ name, target }, i) => `${name}:${String(valueOf(Number(data[row * given + i]), target))}`,
    );
    return `{"values":{${values.join(',')}}}`;
  }

  private requireCount(given: number): void {
    const expected = this.spec.targets?.length ?? 1;
    if (given === expected) return;
    throw new ManifestMismatch(
      expected === 1
        ? `a number was expected, but the graph gave ${String(given)}`
        : `model.yaml has ${String(expected)} targets, but the graph gave ${String(given)} numbers`,
    );
  }

  tell(observer: PredictionObserver): void {
    if (!this.spec.targets) observer.estimated(this.value);
  }
}

const TRANSFORMS = { exp: Math.exp, expm1: Math.expm1 } as const;

/** @throws InstanceError */
function valueOf(raw: number, target: RegressionTarget): number {
  const { mean, std, transform, minimum = -Infinity, maximum = Infinity, decimals } = target;
  const scaled = raw * std + mean;
  const value = transform ? TRANSFORMS[transform](scaled) : scaled;
  if (!Number.isFinite(value)) {
    throw new InstanceError('the model gave a value that is not a finite number');
  }
  return round(Math.min(Math.max(value, minimum), maximum), decimals);
}

import type { Dtype, TensorInfo } from '#libs/contracts';
import { ManifestMismatch } from '#libs/kinds';

const PAST = /^past_key_values\.(.+)$/;

/** Keys or values of a layer: `[rows, heads, columns, size]`. */
export interface CacheTensor {
  past: string;
  present: string;
  dtype: Dtype;
  heads: number;
  size: number;
}

/** How a decoder is exported by Hugging Face Optimum and others. */
export interface DecoderLayout {
  ids: Dtype;
  mask: Dtype;
  /** Absent: the graph tells places by the mask, or not at all. */
  positions: Dtype | undefined;
  caches: CacheTensor[];
}

/** @throws ManifestMismatch where a graph is not laid out so. */
export function decoderLayout(tensors: {
  inputs: TensorInfo[];
  outputs: TensorInfo[];
}): DecoderLayout {
  const inputs = new Map(tensors.inputs.map((input) => [input.name, input]));
  const take = (name: string): TensorInfo | undefined => {
    const found = inputs.get(name);
    inputs.delete(name);
    return found;
  };
  const integers = (name: string): Dtype => {
    const dtype = take(name)?.dtype;
    if (dtype === 'int64' || dtype === 'int32') return dtype;
    throw new ManifestMismatch(`a decoder takes integers as ${name}; the graph does not`);
  };
  const outputs = new Map(tensors.outputs.map((output) => [output.name, output]));
  if (!outputs.has('logits'))
    throw new ManifestMismatch('a decoder gives logits; the graph does not');
  const ids = integers('input_ids');
  const mask = integers('attention_mask');
  const positions = inputs.has('position_ids') ? integers('position_ids') : undefined;
  const caches: CacheTensor[] = [];
  for (const [name, input] of inputs) {
    const cache = cacheTensor(input, outputs);
    if (!cache) throw new ManifestMismatch(`the graph takes ${name}, which no decoder is given`);
    caches.push(cache);
  }
  if (caches.length > 0) return { ids, mask, positions, caches };
  throw new ManifestMismatch('the graph takes no past_key_values, which a decoder needs to go on');
}

function cacheTensor(
  { name, dtype, shape }: TensorInfo,
  outputs: ReadonlyMap<string, TensorInfo>,
): CacheTensor | undefined {
  const which = PAST.exec(name)?.[1];
  if (which === undefined) return undefined;
  const present = `present.${which}`;
  const [, heads, , size] = shape;
  if (shape.length !== 4 || typeof heads !== 'number' || typeof size !== 'number') {
    throw new ManifestMismatch(
      `${name} has [${shape.join(', ')}]; its second and fourth dimension must be known`,
    );
  }
  if (outputs.get(present)?.dtype !== dtype) {
    throw new ManifestMismatch(`the graph takes ${name} and gives no ${present} like it`);
  }
  return { past: name, present, dtype, heads, size };
}

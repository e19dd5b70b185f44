import type { Dtype, TensorInfo } from '#libs/contracts';
import { ManifestMismatch } from '../errors.js';
import type { TextInput } from './text.input.js';

/** What a graph may want to know of each token. */
export const TEXT_ROLES = [
  'input_ids',
  'attention_mask',
  'token_type_ids',
  'position_ids',
] as const;
export type TextRole = (typeof TEXT_ROLES)[number];

/** An input of the graph, and what it takes. */
export interface TextTensor {
  role: TextRole;
  name: string;
  dtype: Dtype;
}

const DTYPES: readonly Dtype[] = ['int64', 'int32'];
const MASK_DTYPES: readonly Dtype[] = [...DTYPES, 'float32', 'bool'];

/**
 * Finds a graph's inputs by the names that exports give them, or by those that the manifest says.
 * @returns as well how many tokens the graph takes, or its name for that where it leaves it open.
 * @throws ManifestMismatch for one that has no role, no fitting type, or another shape than `[batch, tokens]`.
 */
export function textTensors(
  spec: TextInput,
  inputs: readonly TensorInfo[],
): { tensors: TextTensor[]; length: number | string } {
  const names = namesOf(spec, inputs);
  const tensors = inputs.map(({ name, dtype, shape }) => {
    const role = TEXT_ROLES.find((candidate) => names[candidate] === name);
    if (!role) {
      throw new ManifestMismatch(
        `the graph also needs ${name}, which a text does not give; input.tensors says which is which`,
      );
    }
    const dtypes = role === 'attention_mask' ? MASK_DTYPES : DTYPES;
    if (!dtypes.includes(dtype)) {
      throw new ManifestMismatch(
        `the graph's ${name} is ${dtype}, and must be one of ${dtypes.join(', ')}`,
      );
    }
    if (shape.length !== 2) {
      throw new ManifestMismatch(
        `the graph's ${name} has [${shape.join(', ')}], and a text gives [batch, tokens]`,
      );
    }
    return { role, name, dtype };
  });
  const ids = inputs.find(({ name }) => name === names.input_ids);
  return { tensors, length: ids?.shape[1] ?? 0 };
}

/** @throws ManifestMismatch where the graph lacks one that the manifest names, or token ids. */
function namesOf(
  { tensors: said }: TextInput,
  inputs: readonly TensorInfo[],
): Record<TextRole, string> {
  const names = Object.fromEntries(TEXT_ROLES.map((role) => [role, said[role] ?? role])) as Record<
    TextRole,
    string
  >;
  for (const name of new Set([names.input_ids, ...Object.values(said)])) {
    if (name === undefined || inputs.some((input) => input.name === name)) continue;
    const has = inputs.map((input) => input.name).join(', ');
    throw new ManifestMismatch(`the graph has no input ${name}; it has ${has}`);
  }
  return names;
}

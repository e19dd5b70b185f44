import { z } from 'zod';
import { complaints, ManifestError } from './manifest.error.js';
import { aboveZero, finite, type Scaler, text } from '#libs/kinds';

/** A file beside `model.yaml` that this names. */
export interface Artefact {
  /** How errors call it: `iris/2/scaler.json`. */
  label: string;
  text: string;
}

const numbers = z.array(finite);
const features = z.array(text).min(1);
/** What a scaler does not have it was told not to learn: `with_mean=False`, say. */
const scalerFile = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('standard'),
    features,
    mean: numbers.nullish(),
    scale: z.array(aboveZero).nullish(),
  }),
  z.strictObject({
    kind: z.literal('min-max'),
    features,
    data_min: numbers,
    data_max: numbers,
    feature_range: z.tuple([finite, finite]).default([0, 1]),
  }),
  z.strictObject({
    kind: z.literal('robust'),
    features,
    center: numbers.nullish(),
    scale: z.array(aboveZero).nullish(),
  }),
]);
type ScalerFile = z.infer<typeof scalerFile>;

/**
 * A fitted scaler of scikit-learn: its attributes, by their names without the last underscore.
 * @returns a scaler for each feature. @throws ManifestError
 */
export function parseScalers({ label, text }: Artefact): Record<string, Scaler> {
  const file = parse(label, text, scalerFile);
  for (const [name, values] of Object.entries(file)) {
    const perFeature = name !== 'feature_range' && Array.isArray(values);
    if (!perFeature || values.length === file.features.length) continue;
    const [has, of] = [String(values.length), String(file.features.length)];
    throw new ManifestError(`${label}: ${name}: has ${has} numbers for ${of} features`);
  }
  return Object.fromEntries(file.features.map((feature, i) => [feature, scalerOf(file, i)]));
}

function scalerOf(file: ScalerFile, i: number): Scaler {
  switch (file.kind) {
    case 'standard':
      return { kind: 'standard', mean: file.mean?.[i] ?? 0, std: file.scale?.[i] ?? 1 };
    case 'min-max': {
      const [minimum = 0, maximum = 1] = [file.data_min[i], file.data_max[i]];
      // A feature that was constant in training is only shifted, as scikit-learn does it.
      const above = maximum > minimum ? maximum : minimum + 1;
      return { kind: 'min-max', minimum, maximum: above, range: file.feature_range };
    }
    case 'robust':
      return { kind: 'robust', center: file.center?.[i] ?? 0, scale: file.scale?.[i] ?? 1 };
  }
}

/** Labels, a line each, or a JSON list where the file's name ends so. @throws ManifestError */
export function parseLabels({ label, text }: Artefact): string[] {
  if (label.endsWith('.json')) return parse(label, text, z.array(z.string().min(1)).min(1));
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const empty = lines.findIndex((line) => line.trim() === '');
  if (empty >= 0)
    throw new ManifestError(`${label}:${String(empty + 1)}: a label must not be empty`);
  return lines.map((line) => line.trim());
}

function parse<T>(label: string, text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ManifestError(`${label}: is not JSON: ${(cause as Error).message}`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ManifestError(complaints(result.error, () => label));
}

import { z } from 'zod';
import type { NumberField } from '#libs/contracts';
import { interval, type Scaler, scaler, shiftAndScale } from '../scaler.schema.js';
import { aboveZero, finite, text } from '../settings.js';

const numberField = z
  .strictObject({
    type: z.literal('number').default('number'),
    name: text,
    description: text.optional(),
    unit: text.optional(),
    minimum: finite.optional(),
    maximum: finite.optional(),
    mean: finite.optional(),
    std: aboveZero.optional(),
    scaler: scaler.optional(),
    clip: interval.optional(),
    missing: z
      .union([z.enum(['error', 'nan', 'mean', 'median']), z.strictObject({ value: finite })])
      .default('error'),
  })
  .refine((f) => f.minimum === undefined || f.maximum === undefined || f.minimum <= f.maximum, {
    message: 'minimum must not be above maximum',
    path: ['minimum'],
  });
type DeclaredNumber = z.infer<typeof numberField>;

const category = z.union([text, finite]);
const substitute = z
  .union([
    z.enum(['error', 'ignore', 'nan']),
    z.strictObject({ value: category }),
    z.strictObject({ code: finite }),
  ])
  .default('error');

const categoryField = z
  .strictObject({
    type: z.literal('category'),
    name: text,
    description: text.optional(),
    categories: z.array(category).min(1).max(1000),
    encoding: z.enum(['one-hot', 'ordinal']).default('one-hot'),
    unknown: substitute,
    missing: substitute,
  })
  .superRefine(({ categories, encoding, unknown, missing }, context) => {
    const complain = (message: string, ...path: string[]) => {
      context.addIssue({ code: 'custom', message, path });
    };
    if (new Set(categories).size !== categories.length) {
      complain('categories must differ', 'categories');
    }
    for (const [name, as] of Object.entries({ unknown, missing })) {
      if (typeof as === 'object' && 'value' in as) {
        if (!categories.includes(as.value)) complain('must be one of the categories', name);
      } else if (as !== 'error' && (as === 'ignore') !== (encoding === 'one-hot')) {
        const other = encoding === 'one-hot' ? 'ordinal' : 'one-hot';
        complain(`only with the encoding ${other}`, name);
      }
    }
  })
  .transform(({ unknown, missing, ...field }) => ({
    ...field,
    ...(unknown !== 'error' && { unknown }),
    ...(missing !== 'error' && { missing }),
  }));

const booleanField = z
  .strictObject({
    type: z.literal('boolean'),
    name: text,
    description: text.optional(),
    missing: z
      .union([z.enum(['error', 'nan']), z.strictObject({ value: z.boolean() })])
      .default('error'),
  })
  .transform(({ missing, ...field }) => ({
    ...field,
    ...(missing !== 'error' && { missing: missing === 'nan' ? missing : missing.value }),
  }));

export const tabularInput = z
  .strictObject({
    kind: z.literal('tabular'),
    tensor: text.optional(),
    /** What the file says, see `ManifestDocument`. */
    scaler_file: z.record(z.string(), scaler).default({}),
    fields: z
      .array(z.discriminatedUnion('type', [numberField, categoryField, booleanField]))
      .min(1)
      .refine((fields) => new Set(fields.map((f) => f.name)).size === fields.length, {
        message: 'field names must differ',
      }),
  })
  .transform(({ scaler_file: scalers, ...input }, context) => {
    const complain = (message: string, path: (string | number)[]) => {
      context.addIssue({ code: 'custom', message, path });
    };
    const numbers = new Set(input.fields.filter(isNumber).map(({ name }) => name));
    for (const feature of Object.keys(scalers).filter((name) => !numbers.has(name))) {
      complain(`has the feature ${feature}, which is no number among the fields`, ['scaler_file']);
    }
    const fields = input.fields.map((field, i) =>
      isNumber(field)
        ? resolveNumber(field, ownOf(scalers, field.name), (message, name) => {
            complain(message, ['fields', i, name]);
          })
        : field,
    );
    return { ...input, fields };
  });

/** A field may well be called `constructor`. */
function ownOf<T>(of: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

function isNumber(field: { type: string }): field is DeclaredNumber {
  return field.type === 'number';
}

/** The one way that encoders know, whichever way a scaler was given. */
function resolveNumber(
  { mean, std, scaler, missing, ...field }: DeclaredNumber,
  fromFile: Scaler | undefined,
  complain: (message: string, name: string) => void,
): NumberField {
  const short: Scaler | undefined =
    mean === undefined && std === undefined
      ? undefined
      : { kind: 'standard', mean: mean ?? 0, std: std ?? 1 };
  const given = Object.entries({ mean: short, scaler, scaler_file: fromFile }).filter((s) => s[1]);
  if (given.length > 1) {
    complain(`a field has one scaler, and this has ${given.map(([s]) => s).join(' and ')}`, 'name');
  }
  const own = short ?? scaler ?? fromFile;
  const shifted = own ? shiftAndScale(own) : { mean: 0, std: 1 };
  if (missing === 'error') return { ...field, ...shifted };
  if (missing === 'nan') return { ...field, ...shifted, missing };
  if (typeof missing === 'object') return { ...field, ...shifted, missing: missing.value };
  const needed = missing === 'mean' ? 'standard' : 'robust';
  if (own?.kind !== needed) complain(`only with a ${needed} scaler, which knows it`, 'missing');
  return { ...field, ...shifted, missing: shifted.mean };
}

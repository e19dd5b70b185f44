import type {
  BooleanField,
  Category,
  CategoryField,
  CategorySubstitute,
  NumberField,
  TabularField,
} from '#libs/contracts';
import { InstanceError } from '../errors.js';

/** The columns of a field, in the way that suits it: chosen once, not value by value. */
export interface FieldColumns {
  readonly width: number;
  /** A harmless value. */
  readonly sample: unknown;
  /**
   * Writes every instance's columns; they are zeros before. The first instance's begin at `column`, each
   * next one's `stride` further.
   * @throws InstanceError for a value that makes none.
   */
  write(instances: readonly unknown[], data: Float32Array, column: number, stride: number): void;
}

/** @param place of the field, and so of its value in an instance that is an array. */
export function columnsOf(field: TabularField, place: number): FieldColumns {
  if (field.type === 'category') return categoryColumns(field, place);
  if (field.type === 'boolean') return booleanColumn(field, place);
  if (isPlain(field)) return plainColumn(field, place);
  return numberColumn(field, place);
}

function isPlain({ clip, missing }: NumberField): boolean {
  return clip === undefined && missing === undefined;
}

function plainColumn({ name, mean, std }: NumberField, place: number): FieldColumns {
  return {
    width: 1,
    sample: mean,
    write(instances, data, column, stride) {
      let at = column;
      for (const instance of instances) {
        const value = Array.isArray(instance)
          ? (instance as number[])[place]
          : (instance as Record<string, number>)[name];
        data[at] = ((value ?? NaN) - mean) / std;
        at += stride;
      }
    },
  };
}

function numberColumn(field: NumberField, place: number): FieldColumns {
  const { name, mean, std, clip = [-Infinity, Infinity] } = field;
  const [low, high] = clip;
  const absent = typeof field.missing === 'number' ? field.missing : NaN;
  return {
    width: 1,
    sample: mean,
    write(instances, data, column, stride) {
      let at = column;
      for (const instance of instances) {
        const value = (valueIn(instance, place, name) as number | null | undefined) ?? absent;
        data[at] = (Math.min(Math.max(value, low), high) - mean) / std;
        at += stride;
      }
    },
  };
}

function booleanColumn({ name, missing }: BooleanField, place: number): FieldColumns {
  const absent = typeof missing === 'boolean' ? Number(missing) : NaN;
  return {
    width: 1,
    sample: false,
    write(instances, data, column, stride) {
      let at = column;
      for (const instance of instances) {
        const value = valueIn(instance, place, name) as boolean | null | undefined;
        data[at] = value === undefined || value === null ? absent : Number(value);
        at += stride;
      }
    },
  };
}

function categoryColumns(field: CategoryField, place: number): FieldColumns {
  const { name, categories, encoding } = field;
  const codes = new Map<unknown, number>(categories.map((category, code) => [category, code]));
  const oneHot = encoding === 'one-hot';
  const unknown = codeFor(field.unknown, codes);
  const missing = codeFor(field.missing, codes);
  return {
    width: oneHot ? categories.length : 1,
    sample: categories[0],
    write(instances, data, column, stride) {
      let at = column;
      for (const instance of instances) {
        const value = valueIn(instance, place, name);
        const absent = value === undefined || value === null;
        const code = codes.get(value) ?? (absent ? missing : unknown);
        if (code === undefined) throw stranger(name, value as Category | null | undefined);
        if (!oneHot) data[at] = code;
        else if (code >= 0) data[at + code] = 1;
        at += stride;
      }
    },
  };
}

/** No column. */
const NOWHERE = -1;

/** @returns undefined where there is no substitute. */
function codeFor(
  substitute: CategorySubstitute | undefined,
  codes: ReadonlyMap<unknown, number>,
): number | undefined {
  if (substitute === undefined) return undefined;
  if (substitute === 'ignore') return NOWHERE;
  if (substitute === 'nan') return NaN;
  return 'code' in substitute ? substitute.code : codes.get(substitute.value);
}

/** The api lets none through, but perhaps of a manifest that has been replaced since. */
function stranger(name: string, value: Category | null | undefined): InstanceError {
  return value === undefined || value === null
    ? new InstanceError(`${name} is missing`)
    : new InstanceError(
        `${name} has the value ${JSON.stringify(value)}, which is none of its categories`,
      );
}

/** Its own: a field that may be missing may be called `constructor`. */
function valueIn(instance: unknown, place: number, name: string): unknown {
  if (Array.isArray(instance)) return (instance as unknown[])[place];
  const fields = instance as Record<string, unknown>;
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

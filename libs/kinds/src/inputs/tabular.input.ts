import type { InputWarning, NumberField, TabularField, TabularInput } from '#libs/contracts';
import { pointerPart } from '#libs/contracts';
import { requireOnly } from '../graph.js';
import type { InputKind, WithInput } from '../input-kind.js';
import { NUMBER_BYTES, nameBytes } from '../json-bytes.js';
import type { JsonSchema } from '../json-schema.js';
import { fieldSchema, isNumberField, MAX_CATEGORY_LENGTH } from './field-schema.js';
import { tableColumns } from './table-columns.js';
import { TabularEncoder } from './tabular.encoder.js';
import { tabularInput } from './tabular.schema.js';

type Version = WithInput<TabularInput>;

/** Rows of named values: numbers, categories, booleans. */
export const tabular: InputKind<TabularInput> = {
  settings: tabularInput,
  // A row is small enough to be told all of its errors; a tensor is not.
  tellsAllErrors: true,

  schema({ input: { fields } }: Version): JsonSchema {
    return {
      type: 'object',
      properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
      required: fields.filter(({ missing }) => missing === undefined).map(({ name }) => name),
      additionalProperties: false,
    };
  },

  shortSchema({ input: { fields } }: Version): JsonSchema {
    const items = fields.map(fieldSchema);
    const size = items.length;
    return { type: 'array', prefixItems: items, items: false, minItems: size, maxItems: size };
  },

  warner({ input: { fields } }: Version) {
    return (instance, at) => {
      const warnings: InputWarning[] = [];
      const short = Array.isArray(instance);
      fields.forEach((field, i) => {
        if (!isNumberField(field)) return;
        const value = short ? (instance as unknown[])[i] : (instance as Row)[field.name];
        const message = typeof value === 'number' ? rangeComplaint(field, value) : null;
        if (message === null) return;
        warnings.push({ pointer: `${at}/${short ? String(i) : pointerPart(field.name)}`, message });
      });
      return warnings;
    };
  },

  columns({ input: { fields } }: Version) {
    return tableColumns(fields);
  },

  largestBytes({ input: { fields } }: Version): number {
    return fields.reduce((sum, field) => sum + nameBytes(field.name) + valueBytes(field), 0);
  },

  openEncoder({ input }: Version, inputs) {
    return requireOnly(new TabularEncoder(input, inputs), inputs);
  },
};

type Row = Record<string, unknown>;

function rangeComplaint(field: NumberField, value: number): string | null {
  const { minimum = -Infinity, maximum = Infinity, name, unit } = field;
  if (value >= minimum && value <= maximum) return null;
  const units = unit === undefined ? '' : ` ${unit}`;
  return `${name} is outside the range the model was made for, ${String(minimum)} to ${String(maximum)}${units}`;
}

/** Texts with every character escaped, those beyond 16 bits as two. */
function valueBytes(field: TabularField): number {
  if (field.type !== 'category') return NUMBER_BYTES;
  const lengths = field.categories.map((category) => String(category).length);
  const longest = Math.max(field.unknown === undefined ? 0 : 2 * MAX_CATEGORY_LENGTH, ...lengths);
  return 6 * longest + NUMBER_BYTES;
}

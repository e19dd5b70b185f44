import type { CategoryField, TabularField } from '#libs/contracts';
import type { TableColumn } from '../input-kind.js';

/** As JSON has it, or as spreadsheets and data frames write it: a sign, or no digit before the point. */
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The columns of a table that has these fields. */
export function tableColumns(fields: readonly TabularField[]): TableColumn[] {
  return fields.map((field) => ({
    name: field.name,
    required: field.missing === undefined,
    read: readerOf(field),
  }));
}

function readerOf(field: TabularField): (cell: string) => unknown {
  if (field.type === 'boolean') return (cell) => BOOLEANS.get(cell.trim().toLowerCase()) ?? cell;
  if (field.type === 'category') return categoryReader(field);
  return numberIn;
}

function numberIn(cell: string): number | string {
  const number = NUMBER.test(cell) ? Number(cell) : NaN;
  return Number.isFinite(number) ? number : cell;
}

/** A category that is a number may be written in any way that such a number can be. */
function categoryReader({ categories }: CategoryField): (cell: string) => unknown {
  const known = new Set(categories);
  return (cell) => {
    if (known.has(cell)) return cell;
    const number = numberIn(cell);
    return known.has(number) ? number : cell;
  };
}

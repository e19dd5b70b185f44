import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';
import {
  MAX_INSTANCES,
  MAX_POINTED_ERRORS,
  type PointedError,
  ProblemError,
  type VersionDescription,
} from '#libs/contracts';
import type { TableColumn } from '#libs/kinds';
import { type InputValidator, tableColumnsOf } from '#libs/models';
import { type CheckedInput, checkInput } from './checked.input.js';

/** RFC 4180, with the line ends of any system and, as spreadsheets write it, a byte order mark. */
const FORMAT = {
  bom: true,
  record_delimiter: ['\r\n', '\n', '\r'],
  skip_empty_lines: true,
  // The header, and one row more than there may be.
  to: MAX_INSTANCES + 2,
};
const LONGEST_SHOWN_NAME = 64;
/** What else columns are separated by, where somebody calls it CSV. */
const SEPARATORS: Record<string, string> = { ';': 'semicolons', '\t': 'tabs', '|': 'bars' };

/**
 * The rows of a CSV text, as instances that fit a version.
 * @throws ProblemError `unsupported-media-type` where it takes no tables; else `invalid-input`, with the line and the
 *   column of each error, and a pointer as if the rows stood in `inputs`.
 */
export function checkCsv(
  version: VersionDescription,
  validator: InputValidator,
  csv: Uint8Array,
  parameters: unknown,
): CheckedInput & { rows: unknown[] } {
  const columns = tableColumnsOf(version);
  if (!columns) {
    const detail = `Send JSON: ${version.model} takes no tables.`;
    throw new ProblemError('unsupported-media-type', detail);
  }
  const [header = [], ...records] = recordsOf(csv);
  const ordered = inOrder(header, columns, version.model);
  if (records.length === 0) throw refusal([at('', 'has no row below its header')]);
  if (records.length > MAX_INSTANCES) {
    throw refusal([at('', `must have at most ${String(MAX_INSTANCES)} rows below its header`)]);
  }
  const rows = records.map((cells) => rowOf(cells, ordered));
  try {
    return { ...checkInput(version, validator, rows, true, parameters), rows };
  } catch (error) {
    if (!(error instanceof ProblemError) || !error.errors) throw error;
    throw new ProblemError(error.code, error.detail, { errors: inLines(error.errors, csv) });
  }
}

function recordsOf(csv: Uint8Array): string[][] {
  if (!isUtf8(csv)) throw refusal([at('', 'must be UTF-8')]);
  try {
    return parse(csv, FORMAT);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refusal([at('', complaintOf(error))]);
  }
}

/** In words of our own: the parser's speak of its options. */
function complaintOf({ code, lines, record }: CsvError): string {
  const line = `line ${String(lines)}`;
  switch (code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH': {
      const cells = Array.isArray(record)
        ? ` ${String(record.length)}`
        : ' other than its number of';
      return `${line} has${cells} cells, which is not what the header has`;
    }
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'has a quote that is opened and never closed';
    default:
      return `${line} has a quote where none may be: quote the whole cell, and double the quotes in it`;
  }
}

/** The columns in the order of the header. @throws ProblemError for a header that does not fit. */
function inOrder(
  header: readonly string[],
  columns: readonly TableColumn[],
  model: string,
): TableColumn[] {
  const known = new Map(columns.map((column) => [column.name, column]));
  const names = header.map((name) => (known.has(name) ? name : name.trim()));
  const [only = ''] = names;
  const separator = /[;\t|]/.exec(only)?.[0];
  if (names.length === 1 && separator !== undefined && !known.has(only)) {
    const wrong = SEPARATORS[separator] ?? separator;
    throw refusal([at('', `must separate its columns by commas, not by ${wrong}`)]);
  }
  const errors: PointedError[] = [];
  if (header.length === 0) errors.push(at('', 'has no header: its first line names the columns'));
  const seen = new Set<string>();
  const ordered = names.flatMap((name, i) => {
    const column = known.get(name);
    if (seen.has(name)) errors.push(at('', `has the column ${shown(name)} twice`));
    seen.add(name);
    if (column) return [column];
    const what = name === '' ? `column ${String(i + 1)} without a name` : shown(name);
    errors.push(at('', `has ${what}, which is no field of ${model}`));
    return [];
  });
  for (const { name, required } of columns) {
    if (required && !seen.has(name)) errors.push(at('', `has no column ${shown(name)}`));
  }
  if (errors.length > 0) throw refusal(errors);
  return ordered;
}

/** A cell that is empty is a value that is missing. */
function rowOf(cells: readonly string[], columns: readonly TableColumn[]): unknown {
  const values = columns.flatMap(({ name, read }, i) => {
    const cell = cells[i] ?? '';
    return cell === '' ? [] : [[name, read(cell)] as const];
  });
  return Object.fromEntries(values);
}

const IN_ROW = /^\/inputs\/(\d+)(?:\/(.*))?$/s;

/** The same errors, which say as well in which line of the text and in which column they are. */
function inLines(errors: readonly PointedError[], csv: Uint8Array): PointedError[] {
  const [, ...rows] = parse(csv, { ...FORMAT, info: true }) as unknown as {
    info: { lines: number };
  }[];
  return errors.map(({ pointer, message }) => {
    const [, row, name] = IN_ROW.exec(pointer) ?? [];
    if (row === undefined) return { pointer, message };
    const line = `line ${String(rows[Number(row)]?.info.lines)}`;
    const column = name === undefined ? '' : `, column ${JSON.stringify(unescaped(name))}`;
    return { pointer, message: `${line}${column}: ${message}` };
  });
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, LONGEST_SHOWN_NAME));
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function at(below: string, message: string): PointedError {
  return { pointer: `/inputs${below}`, message };
}

function refusal(errors: readonly PointedError[]): ProblemError {
  return new ProblemError('invalid-input', 'The CSV does not fit the model; see errors.', {
    errors: errors.slice(0, MAX_POINTED_ERRORS),
  });
}

import {
  isRecord,
  MAX_INSTANCES,
  MAX_POINTED_ERRORS,
  type PointedError,
  pointerPart,
  ProblemError,
} from '#libs/contracts';

/** Instances that came as columns: for each of their fields the values of all, in order. */
export class ColumnInput {
  private constructor(readonly rows: readonly Record<string, unknown>[]) {}

  /** @throws ProblemError `invalid-request` for columns that are not equally long. */
  static from(columns: Record<string, unknown>): ColumnInput {
    const entries = Object.entries(columns);
    const [first = ''] = Object.keys(columns);
    const length = lengthOf(columns[first]);
    const errors = entries.flatMap(([name, values]): PointedError[] => {
      const own = lengthOf(values);
      if (own === length && own >= 1 && own <= MAX_INSTANCES) return [];
      const message =
        own < 1 || own > MAX_INSTANCES
          ? `must be an array of 1 to ${String(MAX_INSTANCES)} values`
          : `has ${String(own)} values, and ${first} has ${String(Math.max(0, length))}`;
      return [{ pointer: `/inputs/${pointerPart(name)}`, message }];
    });
    if (errors.length > 0) {
      throw new ProblemError('invalid-request', 'Send columns of one length; see errors.', {
        errors: errors.slice(0, MAX_POINTED_ERRORS),
      });
    }
    return new ColumnInput(
      Array.from({ length }, (_, row) =>
        Object.fromEntries(entries.map(([name, values]) => [name, (values as unknown[])[row]])),
      ),
    );
  }
}

/** True for what is meant for columns, whether or not they are right: as it came from JSON. */
export function areColumns(inputs: unknown): inputs is Record<string, unknown> {
  return (
    isRecord(inputs) &&
    Object.getPrototypeOf(inputs) === Object.prototype &&
    Object.values(inputs).some(Array.isArray)
  );
}

/** 0 for what is no list. */
function lengthOf(values: unknown): number {
  return Array.isArray(values) ? values.length : 0;
}

const IN_ROW = /^\/inputs\/(\d+)\/([^/]*)(.*)$/s;

/** Errors or warnings of rows as those of columns; what is wrong with a whole column is told once. */
export function inColumns<T extends PointedError>(errors: readonly T[]): T[] {
  const told = new Map<string, T>();
  for (const error of errors) {
    const [, row = '', name = '', rest = ''] = IN_ROW.exec(error.pointer) ?? [];
    const ofColumn = error.message === 'is missing' || error.message.startsWith('is not a field');
    const below = ofColumn ? '' : `/${row}${rest}`;
    const pointer = row === '' ? error.pointer : `/inputs/${name}${below}`;
    if (!told.has(`${pointer} ${error.message}`)) {
      told.set(`${pointer} ${error.message}`, { ...error, pointer });
    }
  }
  return [...told.values()];
}

/** What `check` returns, or throws, of the rows of columns. */
export function checkedInColumns<T extends { warnings: PointedError[] }>(check: () => T): T {
  try {
    const checked = check();
    return { ...checked, warnings: inColumns(checked.warnings) };
  } catch (error) {
    if (!(error instanceof ProblemError) || !error.errors) throw error;
    throw new ProblemError(error.code, error.detail, { errors: inColumns(error.errors) });
  }
}

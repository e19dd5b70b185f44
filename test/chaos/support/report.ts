import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A bound that is stated, and what was measured of it. */
export interface PromiseKept {
  what: string;
  bound: number;
  measured: number;
  unit: 'ms' | 'jobs' | 'lines/s';
}

/** What came of a case: a row of docs/reference/reliability.md. */
export interface Row {
  case: string;
  form: 'short' | 'long';
  seed: number;
  /** How often each fault was injected. */
  faults: Record<string, number>;
  accepted: number;
  /** Submissions by the status of another answer; 0: none. */
  refused: Record<string, number>;
  losses: number;
  /** Jobs with two ends, two ids for one key, or an end told as two events. */
  duplicates: number;
  /** Jobs that ended otherwise than they must. */
  wrong: number;
  webhooks: { expected: number; missing: number; repeated: number; unknown: number };
  /** Longest time from the end of a fault until all that was open then had ended. */
  recoveryMs: number;
  /** Most lines of level error that a process wrote in a second. */
  errorLinesPerS: number;
  promises: PromiseKept[];
}

const DIR = path.join(import.meta.dirname, '../../../.foretell/chaos');

/** Keeps it where `npm run test:chaos` makes the report of. */
export async function keepRow(row: Row): Promise<void> {
  await mkdir(DIR, { recursive: true });
  await writeFile(path.join(DIR, `${row.case}.json`), `${JSON.stringify(row, null, 2)}\n`);
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';

const GOLDEN = path.join(import.meta.dirname, '../../fixtures/golden');

/** Inputs, and what another implementation makes of them. */
export interface Golden<Row> {
  /** How far answers may be off. */
  tolerance: number;
  rows: Row[];
}

/** @param file such as `audio/spoken-digits`. */
export async function golden<Row>(file: string): Promise<Golden<Row>> {
  return JSON.parse(await readFile(path.join(GOLDEN, `${file}.json`), 'utf8')) as Golden<Row>;
}

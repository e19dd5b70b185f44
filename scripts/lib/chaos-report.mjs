import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePath } from './install.mjs';
import { rootDir } from './paths.mjs';
import { run } from './run.mjs';

const ROWS = join(rootDir, '.foretell/chaos');
const PAGE = join(rootDir, 'docs/reference/reliability.md');
const START = '<!-- cases: written by npm run test:chaos -->';
const END = '<!-- end of cases -->';

/**
 * @typedef {object} Row see test/chaos/support/report.ts
 * @property {string} case
 * @property {string} form
 * @property {number} seed
 * @property {Record<string, number>} faults
 * @property {number} accepted
 * @property {Record<string, number>} refused
 * @property {number} losses
 * @property {number} duplicates
 * @property {number} wrong
 * @property {{ expected: number, missing: number, repeated: number, unknown: number }} webhooks
 * @property {number} recoveryMs
 * @property {number} errorLinesPerS
 * @property {{ what: string, bound: number, measured: number, unit: string }[]} promises
 */

/** Puts the latest row of every case into docs/reference/reliability.md. */
export async function writeReport() {
  if (!existsSync(ROWS)) return;
  const rows = readdirSync(ROWS)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => /** @type {Row} */ (JSON.parse(readFileSync(join(ROWS, name), 'utf8'))));
  const page = readFileSync(PAGE, 'utf8');
  const before = page.slice(0, page.indexOf(START) + START.length);
  const after = page.slice(page.indexOf(END));
  writeFileSync(PAGE, `${before}\n\n${casesOf(rows)}\n\n${promisesOf(rows)}\n\n${after}`);
  await run(nodePath, ['node_modules/.bin/prettier', '--write', PAGE], { cwd: rootDir });
}

/** @param {readonly Row[]} rows */
function casesOf(rows) {
  return table(
    [
      'case',
      'faults',
      'accepted',
      'other answers',
      'lost',
      'twice',
      'wrong',
      'webhooks: owed, missing, sent again, of unknown jobs',
      'recovery, s',
      'seed',
    ],
    rows.map((row) => [
      `\`${row.case}\`${row.form === 'long' ? '' : ' (short)'}`,
      listOf(row.faults),
      row.accepted,
      listOf(row.refused),
      row.losses,
      row.duplicates,
      row.wrong,
      Object.values(row.webhooks).join(', '),
      (row.recoveryMs / 1000).toFixed(1),
      row.seed,
    ]),
  );
}

/** @param {readonly Row[]} rows */
function promisesOf(rows) {
  const stated = rows.flatMap((row) =>
    row.promises.map((promise) => ({ ...promise, of: row.case })),
  );
  return table(
    ['promise', 'bound', 'measured', 'kept', 'case'],
    stated
      .toSorted((a, b) => a.what.localeCompare(b.what))
      .map(({ what, bound, measured, unit, of }) => [
        what,
        `${bound} ${unit}`,
        `${measured} ${unit}`,
        measured <= bound ? 'yes' : '**no**',
        `\`${of}\``,
      ]),
  );
}

/** @param {Record<string, number>} counts */
function listOf(counts) {
  return Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join('; ');
}

/**
 * @param {readonly string[]} heads
 * @param {readonly (readonly (string | number)[])[]} rows
 */
function table(heads, rows) {
  const lines = [heads, heads.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

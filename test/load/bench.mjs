// The benchmark's main file; scripts/bench.mjs starts it with all it needs. See docs/reference/performance.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { rootDir } from '../../scripts/lib/paths.mjs';
import { PlainError, runMain } from '../../scripts/lib/plain-error.mjs';
import { stopAll } from './lib/child.mjs';
import { describeMachine, describeVersions } from './lib/machine.mjs';
import { readOptions, USAGE } from './lib/options.mjs';
import { figuresTable, targetsTable, usesTable } from './lib/report.mjs';
import { Results } from './lib/results.mjs';
import { judge } from './lib/targets.mjs';
import { measureAll } from './measure.mjs';

const benchDir = join(rootDir, '.foretell/bench');

await runMain(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const startedAt = new Date();
  const name = startedAt.toISOString().replaceAll(':', '-');
  mkdirSync(benchDir, { recursive: true });
  const dir = mkdtempSync(join(benchDir, 'run-'));
  const ended = endOnSignals();
  const results = new Results();
  try {
    const machine = describeMachine();
    const versions = await describeVersions();
    console.log(Object.values(machine).join(' · '));
    console.log(
      Object.entries(versions)
        .map((v) => v.join(' '))
        .join(' · '),
    );
    await Promise.race([measureAll(options, dir, results), ended]);
    const verdicts = judge(results);
    console.log(`\n${figuresTable(results)}`);
    if (results.uses().length > 0) console.log(`\n${usesTable(results)}`);
    if (verdicts.length > 0) console.log(`\n${targetsTable(verdicts)}`);
    for (const { turn, message } of results.errors)
      console.log(`\nFAILED: turn ${turn} is missing in the medians: ${message}`);
    const out = resolve(options.out ?? join(benchDir, `${name}.json`));
    mkdirSync(dirname(out), { recursive: true });
    const chosen = { ...options, parts: [...options.parts], systems: [...options.systems] };
    const report = { started_at: startedAt, machine, versions, options: chosen };
    const text = JSON.stringify({ ...report, ...results.toJSON(), targets: verdicts }, null, 2);
    writeFileSync(out, `${text}\n`);
    console.log(`\nWritten to ${out}`);
    const missed = verdicts.filter(({ met }) => !met).length;
    if (results.errors.length > 0) return 1;
    return options.assert && missed > 0 ? 1 : 0;
  } finally {
    await stopAll();
    if (options.keep || results.errors.length > 0) console.log(`Logs are in ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
});

/**
 * A terminal's Ctrl-C comes twice, npm's script passing it on: the second one must not cut the cleaning up short.
 *
 * @returns {Promise<never>} rejects at the first signal
 */
function endOnSignals() {
  return new Promise((_, reject) => {
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
      process.on(signal, () => reject(new PlainError(`${signal}: ended`)));
  });
}

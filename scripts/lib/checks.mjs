import { PlainError } from './plain-error.mjs';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {() => Promise<number>} run resolves to an exit code
 */

/**
 * Runs checks one after the other, all of them even after a failure, and reports each.
 *
 * @param {readonly Check[]} checks
 * @returns {Promise<number>} 1 when any failed
 */
export async function runChecks(checks) {
  const reports = [];
  let failed = 0;
  for (const { name, run } of checks) {
    console.log(`\n== ${name}`);
    const startedAt = Date.now();
    const code = await run().catch((error) => {
      console.error(error instanceof PlainError ? error.message : error);
      return 1;
    });
    if (code !== 0) failed += 1;
    reports.push(
      `${code === 0 ? 'ok    ' : 'FAILED'}  ${name.padEnd(14)} ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`,
    );
  }
  console.log(`\n${reports.join('\n')}`);
  return failed === 0 ? 0 : 1;
}

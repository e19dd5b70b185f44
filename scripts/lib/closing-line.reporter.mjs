import { writeSync } from 'node:fs';

/**
 * What this uses of jest's AggregatedResult.
 *
 * @typedef {Record<'numPassedTests' | 'numFailedTests' | 'numRuntimeErrorTestSuites' | 'numPendingTests' | 'numTodoTests', number>} Results
 */

/** Closes a test run with one line of counts: `12 passed, 0 failed`, with `, 1 skipped` where some were. */
export default class ClosingLineReporter {
  /** @type {string | undefined} */
  #line;

  constructor() {
    // After its reporters jest may still warn, of workers or open handles: only at the exit nothing follows.
    process.once('exit', () => {
      if (this.#line !== undefined) writeSync(1, `\n${this.#line}\n`);
    });
  }

  /**
   * @param {unknown} _contexts
   * @param {Results} results
   */
  onRunComplete(_contexts, results) {
    // A file that could not be run has no tests to fail, and is a failure all the same.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    this.#line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  }
}

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** @import { SpawnOptions } from 'node:child_process' */

/**
 * Runs a command to its end with this process's output, and resolves to its exit code
 * (128 + the signal's number when a signal ended it, as a shell has it; 127 when it cannot be started).
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {SpawnOptions & { forwardSignals?: boolean }} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, { forwardSignals = false, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    if (forwardSignals) {
      for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
        process.on(signal, () => child.kill(signal));
      }
    }
    child.once('error', (error) => {
      console.error(`foretell: ${command}: ${error.message}`);
      resolve(127);
    });
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)),
    );
  });
}

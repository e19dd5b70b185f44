import { nodePathIn } from './paths.mjs';
import { run } from './run.mjs';

/** @import { AppSpec } from './processes.mjs' */

/**
 * Turns this process into the app, so that signals and the exit code are its own; where Node.js cannot do that yet, runs the app as
 * a child and passes them on.
 *
 * @param {AppSpec} app
 * @param {string} root
 * @returns {Promise<number>} the app's exit code, if it returns at all
 */
export async function becomeApp(app, root) {
  const node = nodePathIn(root);
  const args = ['--enable-source-maps', app.entry];
  process.chdir(root);
  if (typeof process.execve === 'function') {
    // It is marked experimental, and says so; to the reader of the app's log that is noise.
    process.removeAllListeners('warning');
    process.execve(node, [node, ...args], process.env);
  }
  return run(node, args, { forwardSignals: true });
}

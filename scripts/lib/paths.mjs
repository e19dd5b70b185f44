import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, absolute. */
export const rootDir = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * The Node.js of the `node` development dependency: everything after the installation runs on it,
 * whatever version the machine has.
 *
 * @param {string} [root]
 */
export function nodePathIn(root = rootDir) {
  return join(root, 'node_modules/.bin/node');
}

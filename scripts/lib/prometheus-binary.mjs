import { onPath } from './binaries.mjs';
import { installPackage, isDebianRoot } from './debian-package.mjs';
import { PlainError } from './plain-error.mjs';

const HINTS = `prometheus and promtool were not both found on PATH. Either of these brings them:
  apt:     sudo apt-get install -y prometheus
  brew:    brew install prometheus`;

/**
 * Finds Prometheus on PATH; on Debian and its kin, as root, installs it when there is none.
 *
 * @returns {Promise<{ prometheus: string, promtool: string }>} absolute paths
 * @throws {PlainError} there is none; says how to get it
 */
export async function findPrometheus() {
  const found = both();
  if (found) return found;
  if (isDebianRoot()) await installPackage('prometheus', HINTS);
  const installed = both();
  if (!installed) throw new PlainError(HINTS);
  return installed;
}

function both() {
  const prometheus = onPath(['prometheus']);
  const promtool = onPath(['promtool']);
  return prometheus !== undefined && promtool !== undefined ? { prometheus, promtool } : undefined;
}

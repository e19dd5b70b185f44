import { onPath } from './binaries.mjs';
import { installPackage, isDebianRoot } from './debian-package.mjs';
import { PlainError } from './plain-error.mjs';

const HINTS = `strace was not found on PATH. This brings it:
  apt:     sudo apt-get install -y strace`;

/**
 * Finds strace on PATH; on Debian and its kin, as root, installs it when there is none.
 *
 * @returns {Promise<string>} absolute path
 * @throws {PlainError} there is none; says how to get it
 */
export async function findStrace() {
  const found = onPath(['strace']);
  if (found) return found;
  if (isDebianRoot()) await installPackage('strace', HINTS);
  const installed = onPath(['strace']);
  if (!installed) throw new PlainError(HINTS);
  return installed;
}

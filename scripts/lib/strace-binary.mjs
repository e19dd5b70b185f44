import { onPath } from './binaries.mjs';
import { findOrInstall } from './debian-package.mjs';

const HINTS = `strace was not found on PATH. This brings it:
  apt:     sudo apt-get install -y strace`;

/**
 * Finds strace on PATH; on Debian and its kin, as root, installs it when there is none.
 *
 * @returns {Promise<string>} absolute path
 * @throws {PlainError} there is none; says how to get it
 */
export function findStrace() {
  return findOrInstall('strace', HINTS, () => onPath(['strace']));
}

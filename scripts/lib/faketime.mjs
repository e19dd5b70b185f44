import { globSync } from 'node:fs';
import { findOrInstall } from './debian-package.mjs';

const PLACES = ['/usr/lib/*/faketime/libfaketimeMT.so.1', '/usr/lib*/faketime/libfaketimeMT.so.1'];

const HINTS = `libfaketime was not found, which gives processes wrong clocks:
  apt:     sudo apt-get install -y libfaketime`;

/**
 * Finds libfaketime; on Debian and its kin, as root, installs it when there is none.
 *
 * @returns {Promise<string>} the library's absolute path
 * @throws {PlainError} there is none; says how to get it
 */
export function findFaketime() {
  return findOrInstall('libfaketime', HINTS, () => globSync(PLACES)[0]);
}

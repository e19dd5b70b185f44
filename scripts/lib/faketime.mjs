import { globSync } from 'node:fs';
import { installPackage, isDebianRoot } from './debian-package.mjs';
import { PlainError } from './plain-error.mjs';

const PLACES = ['/usr/lib/*/faketime/libfaketimeMT.so.1', '/usr/lib*/faketime/libfaketimeMT.so.1'];

const HINTS = `libfaketime was not found, which gives processes wrong clocks:
  apt:     sudo apt-get install -y libfaketime`;

/**
 * Finds libfaketime; on Debian and its kin, as root, installs it when there is none.
 *
 * @returns {Promise<string>} the library's absolute path
 * @throws {PlainError} there is none; says how to get it
 */
export async function findFaketime() {
  const [found] = globSync(PLACES);
  if (found) return found;
  if (isDebianRoot()) await installPackage('libfaketime', HINTS);
  const [installed] = globSync(PLACES);
  if (!installed) throw new PlainError(HINTS);
  return installed;
}

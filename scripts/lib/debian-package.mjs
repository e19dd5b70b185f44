import { existsSync, readFileSync } from 'node:fs';
import { PlainError } from './plain-error.mjs';
import { run } from './run.mjs';

/** Whether packages of Debian, or its kin, can be installed here. */
export function isDebianRoot() {
  return process.getuid?.() === 0 && isDebian();
}

function isDebian() {
  if (!existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/**
 * Installs a package without starting the service that comes with it.
 *
 * @param {string} name
 * @param {string} hints what to do where that fails
 * @throws {PlainError} it cannot be installed
 */
export async function installPackage(name, hints) {
  console.log(`Installing the package ${name} (apt-get) ...`);
  // The runlevel keeps the package's own service from starting: it would hold its port for nobody.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [
    ['-qq', 'update'],
    ['-qq', 'install', '-y', '--no-install-recommends', name],
  ]) {
    // Its errors go to stderr, which is shown.
    const code = await run('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (code !== 0)
      throw new PlainError(`apt-get ${args[1]} failed with exit code ${code}; ${hints}`);
  }
}

/**
 * Finds what a package brings; on Debian and its kin, as root, installs it when there is none.
 *
 * @param {string} name of the package
 * @param {string} hints how to get it elsewhere
 * @param {() => string | undefined} find its absolute path
 * @returns {Promise<string>}
 * @throws {PlainError} there is none; says how to get it
 */
export async function findOrInstall(name, hints, find) {
  const found = find();
  if (found) return found;
  if (isDebianRoot()) await installPackage(name, hints);
  const installed = find();
  if (!installed) throw new PlainError(hints);
  return installed;
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rootDir } from './paths.mjs';
import { run } from './run.mjs';

const INSTALL_MS = 600_000;

/**
 * Makes a virtual environment with the packages of a requirements.txt, unless it is there.
 *
 * @param {string} requirements its absolute path
 * @returns {Promise<string | undefined>} its bin folder; undefined where Python or its packages cannot be had
 */
export async function findPython(requirements) {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const dir = join(rootDir, `.foretell/python-${hash}`);
  const bin = join(dir, 'bin');
  const stamp = join(dir, '.installed');
  if (existsSync(stamp)) return bin;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  console.log(`Installing the Python packages of ${relative(rootDir, requirements)} (pip) ...`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  /** @type {[string, string[]][]} */
  const steps = [
    ['python3', ['-m', 'venv', dir]],
    [join(bin, 'python'), [...pip, '-r', requirements]],
  ];
  for (const [command, args] of steps) {
    if ((await run(command, args, { timeout: INSTALL_MS })) !== 0) return undefined;
  }
  writeFileSync(stamp, '');
  return bin;
}

import { ensureBuilt } from './build.mjs';
import { ensureInstalled, nodePath } from './install.mjs';
import { rootDir } from './paths.mjs';
import { findRedis } from './redis-binary.mjs';
import { run } from './run.mjs';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
  '--config',
  'jest.config.mjs',
];

/**
 * Runs jest on what is built, with a real Redis; installs and builds what is lacking.
 *
 * @param {readonly string[]} args jest's own
 * @param {NodeJS.ProcessEnv} [settings] beyond those of this process
 * @returns {Promise<number>} its exit code
 */
export async function runTests(args, settings = {}) {
  await ensureInstalled();
  await ensureBuilt();
  const redis = await findRedis();
  console.log(`Redis for the tests: ${redis}`);
  return run(nodePath, [...JEST, ...args], {
    cwd: rootDir,
    env: { ...process.env, FORETELL_REDIS_SERVER: redis, ...settings },
    forwardSignals: true,
  });
}

// npm test [-- jest's arguments]: all tests, against a real Redis.
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled, nodePath } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { runMain } from './lib/plain-error.mjs';
import { findRedis } from './lib/redis-binary.mjs';
import { run } from './lib/run.mjs';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
  '--config',
  'jest.config.mjs',
];

await runMain(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const redis = await findRedis();
  console.log(`Redis for the tests: ${redis}`);
  const env = { ...process.env, FORETELL_REDIS_SERVER: redis };
  return run(nodePath, [...JEST, ...process.argv.slice(2)], {
    cwd: rootDir,
    env,
    forwardSignals: true,
  });
});

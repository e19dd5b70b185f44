// npm run test:fuzz [-- --requests N --seed N]: a running api, sent valid requests with some bytes changed.
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled, nodePath } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { runMain } from './lib/plain-error.mjs';
import { findRedis } from './lib/redis-binary.mjs';
import { run } from './lib/run.mjs';

await runMain(async () => {
  await ensureInstalled();
  await ensureBuilt();
  await findRedis();
  return run(nodePath, ['test/fuzz/fuzz.mjs', ...process.argv.slice(2)], {
    cwd: rootDir,
    forwardSignals: true,
  });
});

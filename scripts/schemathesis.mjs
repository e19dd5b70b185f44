// npm run test:api [-- schemathesis' arguments]: the running api, compared with its OpenAPI documents.
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
  return run(nodePath, ['test/api/schemathesis.mjs', ...process.argv.slice(2)], {
    cwd: rootDir,
    forwardSignals: true,
  });
});

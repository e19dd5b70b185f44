// npm run keys -- create | list | revoke: the stored API keys, in the Redis of REDIS_URL or that of npm start.
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled, nodePath } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { PlainError, runMain } from './lib/plain-error.mjs';
import { privateRedisUrl } from './lib/private-redis.mjs';
import { run } from './lib/run.mjs';
import { dataDirOf, loadDotEnv } from './lib/settings.mjs';

await runMain(async () => {
  loadDotEnv(rootDir);
  const dataDir = dataDirOf(rootDir, process.env);
  const url = process.env.REDIS_URL || privateRedisUrl(dataDir);
  if (!url)
    throw new PlainError(
      `no Redis runs on ${dataDir}: start it with npm start, or set REDIS_URL to that of the apps`,
    );
  await ensureInstalled();
  await ensureBuilt();
  return run(nodePath, ['dist/apps/api/src/keys.js', ...process.argv.slice(2)], {
    cwd: rootDir,
    env: { ...process.env, REDIS_URL: url },
  });
});

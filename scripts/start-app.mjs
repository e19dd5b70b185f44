// npm run start:api (or :worker, :courier): that app alone, in the foreground, on the Redis of REDIS_URL.
import { apps } from './lib/apps.mjs';
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { PlainError, runMain } from './lib/plain-error.mjs';
import { becomeApp } from './lib/become.mjs';
import { loadDotEnv } from './lib/settings.mjs';

await runMain(async () => {
  const app = apps.find(({ name }) => name === process.argv[2]);
  if (!app)
    throw new PlainError(
      `usage: node scripts/start-app.mjs ${apps.map(({ name }) => name).join('|')}`,
    );
  loadDotEnv(rootDir);
  if (!process.env.REDIS_URL)
    throw new PlainError(
      'REDIS_URL is not set: an app started alone needs a Redis to share (npm start brings its own)',
    );
  await ensureInstalled();
  await ensureBuilt();
  return becomeApp(app, rootDir);
});

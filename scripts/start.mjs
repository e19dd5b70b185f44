// npm start: everything on this machine, from a fresh clone to a ready API.
import { apps } from './lib/apps.mjs';
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { runMain } from './lib/plain-error.mjs';
import { loadDotEnv } from './lib/settings.mjs';
import { supervise } from './lib/supervisor.mjs';

await runMain(async () => {
  loadDotEnv(rootDir);
  await ensureInstalled();
  await ensureBuilt();
  return supervise({ root: rootDir, apps });
});

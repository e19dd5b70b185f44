// npm run build: apps and libs to dist/, if anything changed.
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { runMain } from './lib/plain-error.mjs';

await runMain(async () => {
  await ensureInstalled();
  await ensureBuilt();
  return 0;
});

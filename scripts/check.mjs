// npm run check: all that can be said about the code without running its tests.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { runChecks } from './lib/checks.mjs';
import { ensureInstalled, nodePath } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { pinComplaints } from './lib/pins.mjs';
import { runMain } from './lib/plain-error.mjs';
import { run } from './lib/run.mjs';

/** @param {...string} args */
const node = (...args) => run(nodePath, args, { cwd: rootDir });
/**
 * @param {string} name
 * @param {...string} args
 */
const tool = (name, ...args) => node(join('node_modules/.bin', name), ...args);

async function checkPins() {
  const [manifest, lock] = ['package.json', 'package-lock.json'].map((file) =>
    JSON.parse(readFileSync(join(rootDir, file), 'utf8')),
  );
  const complaints = pinComplaints(manifest, lock);
  for (const complaint of complaints) console.error(complaint);
  return complaints.length === 0 ? 0 : 1;
}

await runMain(async () => {
  await ensureInstalled();
  return runChecks([
    { name: 'types', run: () => tool('tsc', '--noEmit', '-p', 'tsconfig.json') },
    { name: 'script types', run: () => tool('tsc', '-p', 'scripts/tsconfig.json') },
    { name: 'lint', run: () => tool('eslint', '.') },
    { name: 'format', run: () => tool('prettier', '--check', '.') },
    {
      name: 'imports',
      run: () => tool('depcruise', '--config', '.dependency-cruiser.cjs', 'apps', 'libs'),
    },
    { name: 'pins', run: checkPins },
    { name: 'dead code', run: () => tool('knip', '--tsConfig', 'tsconfig.sources.json') },
    {
      name: 'OpenAPI drift',
      run: () => ensureBuilt().then(() => node('dist/apps/api/src/openapi.js', '--check')),
    },
    ...(existsSync(join(rootDir, 'scripts/lint-deploy.mjs'))
      ? [{ name: 'deploy lint', run: () => node('scripts/lint-deploy.mjs') }]
      : []),
  ]);
});

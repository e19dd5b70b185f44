// npm run check: all that can be said about the code without running its tests.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { runChecks } from './lib/checks.mjs';
import { ensureInstalled, nodePath } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { runMain } from './lib/plain-error.mjs';
import { run } from './lib/run.mjs';

/** @param {...string} args */
const node = (...args) => run(nodePath, args, { cwd: rootDir });
/**
 * @param {string} name
 * @param {...string} args
 */
const tool = (name, ...args) => node(join('node_modules/.bin', name), ...args);

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
    { name: 'dead code', run: () => tool('knip') },
    {
      name: 'OpenAPI drift',
      run: () => ensureBuilt().then(() => node('dist/apps/api/src/openapi.js', '--check')),
    },
    ...(existsSync(join(rootDir, 'scripts/lint-deploy.mjs'))
      ? [{ name: 'deploy lint', run: () => node('scripts/lint-deploy.mjs') }]
      : []),
  ]);
});

// `npm start` without its installation and its build.
import { apps } from '../../../scripts/lib/apps.mjs';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { runMain } from '../../../scripts/lib/plain-error.mjs';
import { supervise } from '../../../scripts/lib/supervisor.mjs';

await runMain(() => supervise({ root: rootDir, apps }));

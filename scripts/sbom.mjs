// npm run sbom: what the apps are made of (CycloneDX), as package-lock.json has it, to .foretell/sbom.cdx.json.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir } from './lib/paths.mjs';
import { runMain } from './lib/plain-error.mjs';
import { run } from './lib/run.mjs';

await runMain(async () => {
  const dir = join(rootDir, '.foretell');
  const file = join(dir, 'sbom.cdx.json');
  mkdirSync(dir, { recursive: true });
  const output = openSync(file, 'w');
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only'];
  const code = await run('npm', args, { cwd: rootDir, stdio: ['ignore', output, 'inherit'] });
  closeSync(output);
  if (code === 0) console.log(file);
  return code;
});

// node scripts/lint-deploy.mjs: what can be said about the Dockerfiles and the compose file without building an image.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt } from './lib/build.mjs';
import { lintCompose } from './lib/compose-lint.mjs';
import { lintDockerfile } from './lib/dockerfile-lint.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { rootDir } from './lib/paths.mjs';
import { runMain } from './lib/plain-error.mjs';

const COMPOSE_FILE = 'docker-compose.yml';

await runMain(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const settings = await knownSettings();
  const dockerfiles = readdirSync(join(rootDir, 'deploy'))
    .filter((name) => /^Dockerfile(\.|$)/.test(name))
    .map((name) => `deploy/${name}`);
  const complaints = [
    ...dockerfiles.flatMap((path) =>
      lintDockerfile(readFileSync(join(rootDir, path), 'utf8'), settings).map(
        (complaint) => `${path}${complaint}`,
      ),
    ),
    ...lintCompose(rootDir, COMPOSE_FILE, settings).map(
      (complaint) => `${COMPOSE_FILE}${complaint}`,
    ),
    ...askDockerCompose().map((complaint) => `${COMPOSE_FILE}: ${complaint}`),
  ];
  for (const complaint of complaints) console.error(complaint);
  console.log(
    `${[...dockerfiles, COMPOSE_FILE].join(', ')}: ${complaints.length === 0 ? 'no complaints' : `${complaints.length} complaints`}`,
  );
  return complaints.length === 0 ? 0 : 1;
});

/** @returns {Promise<Set<string>>} every variable that libs/config reads */
async function knownSettings() {
  // By a computed address, as the compiler has no types for what was built.
  const config = await import(pathToFileURL(join(rootDir, 'dist/libs/config/src/index.js')).href);
  return new Set(config.describeSettings().map((/** @type {{ name: string }} */ s) => s.name));
}

/** @returns {string[]} what Docker Compose itself says against the file, where this machine has it; it needs no engine for that */
function askDockerCompose() {
  if (spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status !== 0) {
    console.log(
      'docker compose is not installed here: its own check of the compose file is skipped',
    );
    return [];
  }
  // Values of any kind will do, but an .env of the developer's must not decide.
  const args = ['compose', '-f', COMPOSE_FILE, '--env-file', '/dev/null', '--profile', '*'];
  const { status, stderr } = spawnSync('docker', [...args, 'config', '--quiet'], {
    cwd: rootDir,
    env: { ...process.env, API_KEYS: 'lint:not-a-real-key' },
    encoding: 'utf8',
  });
  return status === 0 ? [] : [stderr.trim() || `docker compose config ended with ${status}`];
}

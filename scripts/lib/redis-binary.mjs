import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PlainError } from './plain-error.mjs';
import { run } from './run.mjs';

const BINARIES = ['redis-server', 'valkey-server'];

const HINTS = `no redis-server or valkey-server was found. Any of these brings one:
  apt:     sudo apt-get install -y redis-server
  brew:    brew install redis
  Docker:  docker run -d -p 127.0.0.1:6379:6379 redis:8 redis-server --appendonly yes --maxmemory-policy noeviction   (then set REDIS_URL=redis://127.0.0.1:6379)`;

/**
 * Finds a Redis or Valkey server on PATH; on Debian and its kin, as root, installs one when there is none.
 *
 * @returns {Promise<string>} the binary's absolute path
 * @throws {PlainError} there is none; says how to get one
 */
export async function findRedis() {
  const found = onPath();
  if (found) return found;
  if (isDebianRoot()) await installRedis();
  const installed = onPath();
  if (!installed) throw new PlainError(HINTS);
  return installed;
}

function onPath() {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return BINARIES.flatMap((name) => dirs.map((dir) => join(dir, name))).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isDebianRoot() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}

async function installRedis() {
  console.log('No Redis found: installing the redis-server package (apt-get) ...');
  // The runlevel keeps the package's own service from starting: it would hold port 6379 for nobody.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [
    ['-qq', 'update'],
    ['-qq', 'install', '-y', '--no-install-recommends', 'redis-server'],
  ]) {
    // Its errors go to stderr, which is shown.
    const code = await run('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (code !== 0)
      throw new PlainError(`apt-get ${args[1]} failed with exit code ${code}; ${HINTS}`);
  }
}

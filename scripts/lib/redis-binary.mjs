import { onPath } from './binaries.mjs';
import { installPackage, isDebianRoot } from './debian-package.mjs';
import { PlainError } from './plain-error.mjs';

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
  const found = onPath(BINARIES);
  if (found) return found;
  if (isDebianRoot()) await installPackage('redis-server', HINTS);
  const installed = onPath(BINARIES);
  if (!installed) throw new PlainError(HINTS);
  return installed;
}

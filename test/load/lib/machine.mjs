import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { findRedis } from '../../../scripts/lib/redis-binary.mjs';

const PACKAGES = ['bullmq', 'ioredis', 'fastify', 'onnxruntime-node', 'autocannon'];

/** What the figures hold for. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()} ${arch()}`,
  };
}

/** @returns {Promise<Record<string, string>>} */
export async function describeVersions() {
  const redis = output(await findRedis(), ['--version']);
  const changed = output('git', ['status', '--porcelain', '--untracked-files=no']) !== '';
  return {
    foretell: `${output('git', ['rev-parse', '--short=12', 'HEAD']) || 'unknown'}${changed ? ' with changes' : ''}`,
    node: process.versions.node,
    redis: /v=(\S+)/.exec(redis)?.[1] ?? redis,
    ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  };
}

/** @param {string} name */
function versionOf(name) {
  // A package need not export its package.json.
  const [modules = ''] = createRequire(import.meta.url)
    .resolve(name)
    .split(`${name}/`);
  return String(JSON.parse(readFileSync(`${modules}${name}/package.json`, 'utf8')).version);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function output(command, args) {
  try {
    return execFileSync(command, args, {
      cwd: rootDir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

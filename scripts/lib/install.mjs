import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { alone } from './lock.mjs';
import { nodePathIn, rootDir } from './paths.mjs';
import { PlainError } from './plain-error.mjs';
import { run } from './run.mjs';

/** The Node.js that the installation brings. */
export const nodePath = nodePathIn();

/**
 * Installs what package-lock.json says, unless that is what is installed already.
 *
 * @param {string} [root]
 * @throws {PlainError} the installation failed (npm has said why)
 */
export async function ensureInstalled(root = rootDir) {
  if (isInstalled(root)) return;
  await alone(root, async () => {
    if (isInstalled(root)) return;
    console.log('Installing dependencies (npm ci) ...');
    const code = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'], {
      cwd: root,
      env: installEnv(root),
    });
    if (code !== 0) throw new PlainError(`npm ci failed with exit code ${code}`);
    if (!existsSync(nodePathIn(root))) {
      throw new PlainError(
        'npm ci left no node_modules/.bin/node: were install scripts disabled (npm config get ignore-scripts)?',
      );
    }
    writeFileSync(stampPath(root), fingerprint(root));
  });
}

/** @param {string} root */
function isInstalled(root) {
  const stamp = stampPath(root);
  return (
    existsSync(nodePathIn(root)) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === fingerprint(root)
  );
}

/** @param {string} root */
function stampPath(root) {
  return join(root, 'node_modules/.foretell-installed');
}

/**
 * The platform is part of it: node_modules may lie on a disk that a container of another system shares.
 *
 * @param {string} root
 */
function fingerprint(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}`;
}

/**
 * @param {string} root
 * @returns {NodeJS.ProcessEnv}
 */
function installEnv(root) {
  const ownBin = join(root, 'node_modules/.bin');
  return {
    // An npm older than `allowScripts` would run the postinstall that downloads CUDA libraries.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    ...process.env,
    // npm must not run on the Node.js that it is about to delete.
    PATH: (process.env.PATH ?? '')
      .split(delimiter)
      .filter((dir) => dir !== ownBin)
      .join(delimiter),
  };
}

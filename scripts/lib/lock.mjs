import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isAlive } from './process-identity.mjs';

/** @import { ProcessIdentity } from './process-identity.mjs' */

/**
 * Takes a lock file for a process (this one unless told otherwise). A lock whose process is gone counts for nothing.
 *
 * @param {string} path
 * @returns {ProcessIdentity | undefined} the live holder when the lock is taken, undefined when it is now ours
 */
export function claim(path) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(identify(process.pid)));
  try {
    for (;;) {
      try {
        // A link appears whole or not at all: no one can read a half-written lock.
        linkSync(draft, path);
        return undefined;
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const holder = readIdentity(path);
      if (holder && isAlive(holder)) return holder;
      discard(path, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @param {string} path */
export function release(path) {
  rmSync(path, { force: true });
}

/**
 * Runs `task` while no other process runs one of this root: three terminals may start three apps at once, and only one
 * of them shall install and build.
 *
 * @template T
 * @param {string} root
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function alone(root, task) {
  // Not in the root: node_modules is deleted by an installation, and the rest of the tree is the user's.
  const path = join(
    tmpdir(),
    `foretell-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`,
  );
  for (let told = false, holder = claim(path); holder; holder = claim(path)) {
    if (!told)
      console.log(`Waiting for process ${holder.pid}, which is installing or building here`);
    told = true;
    await delay(200);
  }
  try {
    return await task();
  } finally {
    release(path);
  }
}

/**
 * @param {string} path
 * @returns {ProcessIdentity | undefined}
 */
export function readIdentity(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Removes a stale lock. Two may find it stale together: only one can move it away, and the slower one, which may have moved a
 * lock taken since, puts that back.
 *
 * @param {string} path
 * @param {ProcessIdentity | undefined} stale
 */
function discard(path, stale) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (JSON.stringify(readIdentity(aside)) !== JSON.stringify(stale)) linkSync(aside, path);
  } catch {
    // Another was faster: the caller looks again.
  }
  rmSync(aside, { force: true });
}

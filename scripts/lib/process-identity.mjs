import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process named beyond its number: numbers are used again, in containers at once (there the same program gets the same
 * number after each restart), so the time of its start is part of the name.
 *
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} startedAt comparable only with another of the same machine
 */

/**
 * @param {number} pid
 * @returns {ProcessIdentity}
 */
export function identify(pid) {
  return { pid, startedAt: startTimeOf(pid) ?? '' };
}

/** @param {ProcessIdentity} process */
export function isAlive({ pid, startedAt }) {
  const current = startTimeOf(pid);
  return current !== undefined && current === startedAt;
}

/**
 * @param {number} pid
 * @returns {string | undefined} undefined when no such process runs; a zombie no longer runs
 */
function startTimeOf(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    }
    // The command's name stands in parentheses and may hold spaces: count the fields from behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

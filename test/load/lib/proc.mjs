import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** What Linux tells of processes in /proc; elsewhere it is not measured. */

/** Ticks of a second in /proc/<pid>/stat: 100 on every Linux that Node.js runs on. */
const TICKS_PER_S = 100;

/**
 * @typedef {object} Named
 * @property {string} name
 * @property {number} pid
 */

/**
 * @typedef {object} ProcessUse
 * @property {string} name
 * @property {number} count processes of that name
 * @property {number} cpu_cores mean number of cores kept busy, all of them together
 * @property {number} peak_rss_mb MiB, all of them together
 */

/**
 * Begins to watch processes and all that descend from them.
 *
 * @param {readonly Named[]} roots
 * @returns {() => ProcessUse[]} ends it
 */
export function watchUse(roots) {
  const startedAt = performance.now();
  const before = new Map(
    family(roots).map(({ pid }) => {
      forgetPeak(pid);
      return [pid, cpuSeconds(pid)];
    }),
  );
  return () => {
    const seconds = (performance.now() - startedAt) / 1000;
    /** @type {Map<string, ProcessUse>} */
    const uses = new Map();
    for (const { name, pid } of family(roots)) {
      const use = uses.get(name) ?? { name, count: 0, cpu_cores: 0, peak_rss_mb: 0 };
      use.count += 1;
      use.cpu_cores += (cpuSeconds(pid) - (before.get(pid) ?? 0)) / seconds;
      use.peak_rss_mb += peakRssMb(pid);
      uses.set(name, use);
    }
    return [...uses.values()];
  };
}

/**
 * @param {readonly Named[]} roots
 * @returns {Named[]} them and their descendants, these as `<root>: child`
 */
function family(roots) {
  const parents = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => ({ pid: Number(entry), parent: Number(statFields(Number(entry))[1]) }));
  /** @param {number} pid @returns {number[]} */
  const below = (pid) =>
    parents.filter((p) => p.parent === pid).flatMap((p) => [p.pid, ...below(p.pid)]);
  return roots.flatMap(({ name, pid }) => [
    { name, pid },
    ...below(pid).map((child) => ({ name: `${name}: child`, pid: child })),
  ]);
}

/**
 * @param {number} pid
 * @returns {string[]} from the state on; empty when there is no such process
 */
function statFields(pid) {
  const stat = read(pid, 'stat');
  // The command's name stands in parentheses and may hold spaces: count the fields from behind it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/**
 * @param {number} pid
 * @returns {number} in user and system mode, with children that have ended
 */
function cpuSeconds(pid) {
  const ticks = statFields(pid).slice(11, 15).map(Number);
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS_PER_S;
}

/** @param {number} pid */
function peakRssMb(pid) {
  return Number(/VmHWM:\s+(\d+)/.exec(read(pid, 'status'))?.[1] ?? 0) / 1024;
}

/** @param {number} pid */
function forgetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then it is the peak since its start.
  }
}

/**
 * @param {number} pid
 * @param {string} file
 */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

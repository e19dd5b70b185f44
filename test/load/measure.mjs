import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PlainError } from '../../scripts/lib/plain-error.mjs';
import { findPython } from '../../scripts/lib/python.mjs';
import { startFloor } from './floor/system.mjs';
import { startForetell } from './lib/foretell.mjs';
import { Loader } from './lib/loader.mjs';
import { largeBacklog } from './parts/backlog.mjs';
import { flood } from './parts/flood.mjs';
import { generation } from './parts/generation.mjs';
import { heavyModel } from './parts/heavy.mjs';
import { idleLatency } from './parts/latency.mjs';
import { shadow } from './parts/shadow.mjs';
import { batchJobs, singleJobs } from './parts/throughput.mjs';
import { webhooks } from './parts/webhooks.mjs';
import { startPeer, startPlain, startTuned } from './peer/system.mjs';

/** @import { Options } from './lib/options.mjs' */
/** @import { Results } from './lib/results.mjs' */
/** @import { System } from './lib/system.mjs' */
/** @import { Turn } from './lib/turn.mjs' */

/** @typedef {(dir: string) => Promise<System>} Start */

/** Whose results can be waited for by one client. */
const WITH_LATENCY = ['peer', 'foretell'];
const PEER_PACKAGES = join(import.meta.dirname, 'peer/requirements.txt');

/**
 * Interleaved: each repetition measures each system, one after the other and alone.
 *
 * @param {Options} options
 * @param {string} dir
 * @param {Results} results
 */
export async function measureAll(options, dir, results) {
  const { parts, systems, repetitions, pace, backlog } = options;
  const contestants = await findContestants(systems);
  const isSideBySide = ['a', 'b', 'c', 'd', 'f'].some((part) => parts.has(part));
  for (let repetition = 1; repetition <= repetitions; repetition += 1) {
    /**
     * @param {string} system
     * @param {string} name
     * @param {(turn: Omit<Turn, 'system'> & { dir: string }) => Promise<void>} measure
     */
    const turn = async (system, name, measure) => {
      const label = `${repetition}-${name}`;
      const turnDir = mkdtempSync(join(dir, `${label}-`));
      const startedAt = performance.now();
      const loader = new Loader(turnDir);
      try {
        await measure({
          dir: turnDir,
          loader,
          pace,
          record: (metric, value) => results.record(system, metric, value),
          recordUse: (use) => results.recordUse(system, use),
        });
        // The append-only files of a long run would fill a disk.
        rmSync(join(turnDir, 'redis'), { recursive: true, force: true });
      } catch (error) {
        const message = error instanceof PlainError ? error.message : String(Object(error).stack);
        results.errors.push({ turn: label, message });
        console.error(`${label}: ${message}`);
      } finally {
        await loader.stop();
      }
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      console.log(`${label.padEnd(16)} ${String(seconds).padStart(4)} s`);
    };

    for (const [name, start] of isSideBySide ? contestants : [])
      await turn(name, name, (own) => measureSideBySide(start, own, parts));
    if (!systems.has('foretell')) continue;
    if (parts.has('e')) await turn('foretell', 'heavy', heavyModel);
    if (parts.has('g'))
      await turn('foretell', 'backlog', (own) => largeBacklog({ ...own, backlog }));
    if (parts.has('h')) await turn('foretell', 'webhooks', webhooks);
    if (parts.has('i')) await turn('foretell', 'flood', flood);
    if (parts.has('j')) await turn('foretell', 'shadow', shadow);
    if (parts.has('k')) await turn('foretell', 'generation', generation);
  }
}

/**
 * @param {ReadonlySet<string>} wanted
 * @returns {Promise<[name: string, start: Start][]>}
 */
async function findContestants(wanted) {
  const inPython = {
    peer: startPeer,
    plain: startPlain,
    'plain-tuned': startTuned,
  };
  const wantsPython = Object.keys(inPython).some((name) => wanted.has(name));
  const python = wantsPython ? await findPython(PEER_PACKAGES) : undefined;
  if (wantsPython && !python)
    console.log('Skipped: peer and plain FastAPI (their Python packages cannot be had here)');
  /** @type {[name: string, start: Start][]} */
  const all = [
    ['floor', startFloor],
    ...Object.entries(inPython).flatMap(([name, start]) =>
      python ? [/** @type {[string, Start]} */ ([name, (dir) => start(python, dir)])] : [],
    ),
    ['foretell', startForetell],
  ];
  return all.filter(([name]) => wanted.has(name));
}

/**
 * @param {Start} start
 * @param {Omit<Turn, 'system'> & { dir: string }} own
 * @param {ReadonlySet<string>} parts
 */
async function measureSideBySide(start, { dir, ...own }, parts) {
  const system = await start(dir);
  try {
    const turn = { ...own, system };
    if (['a', 'b', 'f'].some((part) => parts.has(part))) await singleJobs(turn);
    if (parts.has('c')) await batchJobs(turn);
    if (parts.has('d') && WITH_LATENCY.includes(system.name)) await idleLatency(turn);
  } finally {
    await system.stop();
  }
}

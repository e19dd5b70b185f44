import { setTimeout as delay } from 'node:timers/promises';
import { startForetell } from '../lib/foretell.mjs';
import { singleBodies } from '../lib/iris.mjs';
import { median } from '../lib/numbers.mjs';
import { drainRate, untilPublished } from '../lib/published.mjs';
import { measureBurst } from './burst.mjs';

/** @import { BurstRequest } from '../lib/burst.mjs' */
/** @import { Foretell } from '../lib/foretell.mjs' */
/** @import { Loader } from '../lib/loader.mjs' */
/** @import { Turn } from '../lib/turn.mjs' */

const CONNECTIONS = 64;
const SMALL = 10_000;
/** Before the large backlog and again after it, so that what the machine does meanwhile falls on both. */
const SMALL_RUNS = 2;
/** Of the large backlog, as much as the short queues hold is compared, at its longest. */
const COMPARED_CHUNKS = 3;
/** What a worker may still have to do after it has published its last job: held then, it would lose its locks. */
const SETTLE_MS = 500;

/**
 * (g) accepts/s and drain rate with a backlog against an empty queue.
 *
 * @param {Omit<Turn, 'system' | 'recordUse'> & { dir: string, backlog: number }} turn
 */
export async function largeBacklog({ dir, loader, record, pace, backlog }) {
  const system = await startForetell(dir);
  const request = {
    url: `${system.url}${system.paths.single}`,
    bodies: singleBodies(),
    connections: CONNECTIONS,
  };
  try {
    await measureBurst(loader, system, { ...request, ...pace });
    /** @type {Awaited<ReturnType<typeof measureBacklog>>[]} */
    const small = [];
    const runSmall = async () => {
      for (let i = 0; i < SMALL_RUNS; i += 1)
        small.push(await measureBacklog(loader, system, { ...request, amount: SMALL }));
    };
    await runSmall();
    const large = await measureBacklog(loader, system, { ...request, amount: backlog });
    await runSmall();
    const empty = {
      accepts: median(small.flatMap(({ accepted }) => accepted)),
      drain: median(small.map(({ drained }) => drained)),
    };
    const acceptsAtEnd = median(large.accepted.slice(-COMPARED_CHUNKS));
    record('backlog_jobs', backlog);
    record('empty_accepts_per_s', empty.accepts);
    record('backlog_accepts_per_s', acceptsAtEnd);
    record('backlog_accepts_ratio', acceptsAtEnd / empty.accepts);
    record('empty_drain_per_s', empty.drain);
    record('backlog_drain_per_s', large.drainedFirst);
    record('backlog_drain_ratio', large.drainedFirst / empty.drain);
    record('backlog_drain_all_per_s', large.drained);
  } finally {
    await system.stop();
  }
}

/**
 * Submits jobs while the worker is held (SIGSTOP: it stays warm, and takes none), then lets it go.
 *
 * @param {Loader} loader
 * @param {Foretell} system its queue empty
 * @param {BurstRequest} request
 * @returns {Promise<{ accepted: number[], drained: number, drainedFirst: number }>} accepts/s of each part of 10,000
 *   requests or less; jobs/s of all, and of the first 10,000
 */
export async function measureBacklog(loader, system, { amount, ...request }) {
  const before = await system.ended();
  const accepted = [];
  let jobs = 0;
  await delay(SETTLE_MS);
  system.pauseWorker();
  try {
    for (let left = amount; left > 0; left -= SMALL) {
      const burst = await loader.burst({ ...request, amount: Math.min(left, SMALL) });
      accepted.push(burst.accepted / burst.seconds);
      jobs += burst.accepted;
    }
  } finally {
    system.resumeWorker();
  }
  const samples = await untilPublished(system.ended, before + jobs);
  return {
    accepted,
    drained: drainRate(samples, before, before + jobs),
    drainedFirst: drainRate(samples, before, before + Math.min(jobs, SMALL)),
  };
}

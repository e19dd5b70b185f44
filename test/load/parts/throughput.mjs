import { BATCH_ROWS, batchBodies, singleBodies } from '../lib/iris.mjs';
import { LOAD_GENERATOR, measureBurst } from './burst.mjs';

/** @import { Turn } from '../lib/turn.mjs' */
/** @import { Measured } from './burst.mjs' */

/** As the targets say. */
const SINGLE_CONNECTIONS = 64;
/** A request has a thousand rows: a few keep everything busy. */
const BATCH_CONNECTIONS = 16;

/**
 * (a) accepted submissions/s, (b) jobs/s until published, (f) what the processes took for that.
 *
 * @param {Turn} turn
 */
export async function singleJobs({ loader, system, record, recordUse, pace }) {
  const measured = await measureBurst(loader, system, {
    url: `${system.url}${system.paths.single}`,
    bodies: singleBodies(),
    connections: SINGLE_CONNECTIONS,
    ...pace,
  });
  const { burst, publishedSeconds, use, loopDelayP99Ms } = measured;
  record('accepts_per_s', burst.accepted / burst.seconds);
  if (system.ended) record('jobs_per_s', burst.accepted / publishedSeconds);
  record('accept_p50_ms', burst.latencyP50Ms);
  record('accept_p99_ms', burst.latencyP99Ms);
  record('refused', burst.refused);
  record('load_cores', loadCores(measured));
  if (loopDelayP99Ms !== undefined) record('worker_loop_delay_p99_ms', loopDelayP99Ms);
  recordUse(use);
  const own = use.filter(({ name }) => name !== LOAD_GENERATOR);
  const cores = own.reduce((sum, { cpu_cores }) => sum + cpu_cores, 0);
  record('cpu_us_per_job', ((cores * publishedSeconds) / burst.accepted) * 1e6);
}

/**
 * (c) rows/s in requests of a thousand, until published.
 *
 * @param {Turn} turn
 */
export async function batchJobs({ loader, system, record, pace }) {
  const measured = await measureBurst(loader, system, {
    url: `${system.url}${system.paths.batch}`,
    bodies: batchBodies(),
    connections: BATCH_CONNECTIONS,
    ...pace,
  });
  const { burst, publishedSeconds } = measured;
  record('batch_rows_per_s', (burst.accepted * BATCH_ROWS) / publishedSeconds);
  record('batch_input_mb_per_s', burst.bytes / publishedSeconds / 1e6);
  record('batch_refused', burst.refused);
  record('batch_load_cores', loadCores(measured));
}

/** @param {Measured} measured @returns {number} cores that the load generator kept busy while it sent */
function loadCores({ burst }) {
  return burst.cpuSeconds / burst.seconds;
}

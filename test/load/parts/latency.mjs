import { singleBodies } from '../lib/iris.mjs';

/** @import { Turn } from '../lib/turn.mjs' */

/** Jobs a second of the pace: a job takes a few milliseconds. */
const JOBS_PER_S = 100;

/**
 * (d) time from submission to result, one client, idle system.
 *
 * @param {Turn} turn
 */
export async function idleLatency({ loader, system, record, pace }) {
  const request = { url: `${system.url}${system.paths.single}`, bodies: singleBodies() };
  await loader.latency({ ...request, count: pace.warmUpSeconds * JOBS_PER_S });
  const count = pace.seconds * JOBS_PER_S;
  const polled = await loader.latency({ ...request, count });
  record('latency_p50_ms', polled.p50Ms);
  record('latency_p99_ms', polled.p99Ms);
  record('latency_polls', polled.polls);
  if (Number.isNaN(polled.totalP50Ms)) return;
  record('latency_total_ms_p50', polled.totalP50Ms);
  const waited = await loader.latency({ ...request, count, waits: true });
  record('latency_wait_p50_ms', waited.p50Ms);
  record('latency_wait_p99_ms', waited.p99Ms);
}

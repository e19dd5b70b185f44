import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'undici';
import { quantile } from './numbers.mjs';

/**
 * @typedef {object} LatencyRequest
 * @property {string} url
 * @property {readonly string[]} bodies
 * @property {number} count jobs, one after the other
 * @property {number} [everyMs] from the start of one to that of the next, at least
 * @property {Record<string, string>} [headers]
 * @property {boolean} [waits] ask for the result in the answer (`Prefer: wait`)
 */

/**
 * @typedef {object} Latency
 * @property {number} p50Ms from the request to the result
 * @property {number} p99Ms
 * @property {number} polls mean number of times the job was read
 * @property {number} totalP50Ms the job's own `timing.total_ms`; NaN where it has none
 */

const LIMIT_MS = 30_000;
const ENDED = ['succeeded', 'failed', 'canceled', 'expired'];

/**
 * One client with one connection: submits a job and reads it, without pause, until it has ended.
 *
 * @param {LatencyRequest} request
 * @returns {Promise<Latency>}
 * @throws {Error} a job fails, or is not done within 30 s
 */
export async function measureLatency({
  url,
  bodies,
  count,
  everyMs = 0,
  headers: own,
  waits = false,
}) {
  const { origin, pathname } = new URL(url);
  const client = new Client(origin);
  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {string} [body]
   * @returns {Promise<any>}
   */
  const call = async (method, path, body) => {
    const headers = {
      ...own,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(waits && { prefer: 'wait=10' }),
    };
    const answer = await client.request({ method, path, body: body ?? null, headers });
    return answer.body.json();
  };
  const latencies = [];
  const totals = [];
  let reads = 0;
  try {
    for (let i = 0; i < count; i += 1) {
      const startedAt = performance.now();
      let job = await call('POST', pathname, bodies[i % bodies.length]);
      while (!ENDED.includes(job.status)) {
        if (performance.now() - startedAt > LIMIT_MS || !job.status_url)
          throw new Error(`no result: ${JSON.stringify(job)}`);
        job = await call('GET', new URL(job.status_url, origin).pathname);
        reads += 1;
      }
      latencies.push(performance.now() - startedAt);
      if (job.status !== 'succeeded') throw new Error(`a job failed: ${JSON.stringify(job)}`);
      if (job.timing) totals.push(Number(job.timing.total_ms));
      const leftMs = startedAt + everyMs - performance.now();
      if (leftMs > 0) await delay(leftMs);
    }
  } finally {
    await client.close();
  }
  return {
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    polls: reads / count,
    totalP50Ms: quantile(totals, 0.5),
  };
}

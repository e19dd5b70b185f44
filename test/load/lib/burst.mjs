import autocannon from 'autocannon';
import { nowMs } from './numbers.mjs';

/** @import { EventEmitter } from 'node:events' */

/**
 * @typedef {object} BurstRequest
 * @property {string} url
 * @property {readonly string[]} bodies JSON; each connection sends them in turn
 * @property {number} connections
 * @property {number} amount requests in all
 * @property {number} [perSecond] not more than so many, on all connections together
 * @property {Record<string, string>} [headers]
 */

/**
 * @typedef {object} Burst
 * @property {number} startedAt ms since 1970
 * @property {number} seconds until the last answer
 * @property {number} accepted answers with 2xx
 * @property {number} refused other answers, and none
 * @property {number} bytes of accepted bodies, about
 * @property {number} cpuSeconds of this process
 * @property {number} latencyP50Ms of an answer
 * @property {number} latencyP99Ms
 */

/**
 * Sends so many POST requests over so many connections, each as soon as the one before is answered.
 *
 * @param {BurstRequest} request
 * @returns {Promise<Burst>}
 */
export async function runBurst({ url, bodies, connections, amount, perSecond, headers }) {
  const cpuBefore = process.cpuUsage();
  const startedAt = nowMs();
  let endedAt = startedAt;
  const result = await autocannon({
    url,
    connections,
    amount: Math.max(amount, connections),
    timeout: 60,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(perSecond !== undefined && { overallRate: perSecond }),
    requests: bodies.map((body) => ({ body })),
    // Autocannon itself looks only every second whether it is done; its types lack this event.
    setupClient: (/** @type {EventEmitter} */ client) =>
      void client.on('done', () => (endedAt = nowMs())),
  });
  const cpu = process.cpuUsage(cpuBefore);
  const meanBytes = bodies.reduce((sum, body) => sum + body.length, 0) / bodies.length;
  return {
    startedAt,
    seconds: (endedAt - startedAt) / 1000,
    accepted: result['2xx'],
    refused: result.non2xx + result.errors,
    bytes: result['2xx'] * meanBytes,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    latencyP50Ms: result.latency.p50,
    latencyP99Ms: result.latency.p99,
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { nowMs } from './numbers.mjs';

/**
 * @typedef {object} SteadyRequest
 * @property {string} url
 * @property {readonly string[]} bodies JSON; sent in turn
 * @property {number} perSecond
 * @property {number} seconds
 */

/** As many as answers could be waited for at once; usually one is enough. */
const CONNECTIONS = 16;

/**
 * Sends POST requests evenly over time, whether those before are answered or not.
 *
 * @param {SteadyRequest} request
 * @returns {Promise<{ accepted: number }>}
 */
export async function runSteady({ url, bodies, perSecond, seconds }) {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: CONNECTIONS });
  const headers = { 'content-type': 'application/json' };
  /** @param {string | undefined} body */
  const send = async (body = '') => {
    const answer = await pool.request({ method: 'POST', path: pathname, headers, body });
    await answer.body.dump();
    return answer.statusCode < 300 ? 1 : 0;
  };
  const startedAt = nowMs();
  /** @type {Promise<number>[]} */
  const sent = [];
  while (sent.length < perSecond * seconds) {
    await delay(Math.max(0, startedAt + (sent.length * 1000) / perSecond - nowMs()));
    sent.push(send(bodies[sent.length % bodies.length]));
  }
  try {
    const accepted = await Promise.all(sent);
    return { accepted: accepted.reduce((sum, one) => sum + one, 0) };
  } finally {
    await pool.close();
  }
}

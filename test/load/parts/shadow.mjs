import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../../../scripts/lib/plain-error.mjs';
import { startForetell } from '../lib/foretell.mjs';
import { singleBodies } from '../lib/iris.mjs';
import { Loader } from '../lib/loader.mjs';
import { median } from '../lib/numbers.mjs';
import { measureBurst, publishBurst } from './burst.mjs';

/** @import { Turn } from '../lib/turn.mjs' */

const ROLLOUT = '/v1/models/iris/rollout';
/** What `models/iris` has by default, so that nothing else changes with the rollout. */
const STABLE = '2';
const SHADOW = { version: '1', percent: 100 };
/** Without, with, with, without, and again: what the machine does meanwhile falls on both. */
const ROUNDS = [false, true, true, false, false, true, true, false];
const CONNECTIONS = 64;
/** A moderate rate: a good part of the time there is nothing to do. */
const STEADY_PER_S = 300;
const PROBES_PER_S = 50;
const PATIENCE_MS = 30_000;

/**
 * (j) what callers notice of a shadow of all jobs: jobs/s at saturation, time to the result at a steady rate.
 *
 * @param {Omit<Turn, 'system' | 'recordUse'> & { dir: string }} turn
 */
export async function shadow({ dir, loader, record, pace }) {
  const system = await startForetell(dir);
  const background = new Loader(dir);
  const request = { url: `${system.url}${system.paths.single}`, bodies: singleBodies() };
  const seconds = Math.max(1, Math.ceil(pace.seconds / 2));
  const saturating = { ...request, connections: CONNECTIONS };
  try {
    const warm = await measureBurst(loader, system, { ...saturating, ...pace });
    const amount = Math.ceil((warm.burst.accepted / warm.burst.seconds) * seconds);
    /** @type {Record<string, number[]>} */
    const figures = {};
    for (const isOn of ROUNDS) {
      const name = isOn ? 'shadowed' : 'alone';
      /** @param {string} figure @param {number} value */
      const note = (figure, value) => (figures[`${name}_${figure}`] ??= []).push(value);
      await setShadow(system.url, isOn, request);
      const { burst, publishedSeconds } = await publishBurst(loader, system, {
        ...saturating,
        amount,
      });
      note('jobs_per_s', burst.accepted / publishedSeconds);
      const before = await report(system.url);
      const steady = background.steady({ ...request, perSecond: STEADY_PER_S, seconds });
      const probed = await loader.latency({
        ...request,
        count: PROBES_PER_S * seconds,
        everyMs: 1000 / PROBES_PER_S,
        waits: true,
      });
      const sent = (await steady) + PROBES_PER_S * seconds;
      note('p50_ms', probed.p50Ms);
      note('p99_ms', probed.p99Ms);
      const after = await report(system.url);
      note('compared_share', ((after?.compared ?? 0) - (before?.compared ?? 0)) / sent);
    }
    for (const figure of ['jobs_per_s', 'p50_ms', 'p99_ms']) {
      const alone = median(figures[`alone_${figure}`] ?? []);
      const shadowed = median(figures[`shadowed_${figure}`] ?? []);
      record(`unshadowed_${figure}`, alone);
      record(`shadowed_${figure}`, shadowed);
      record(`shadow_${figure}_ratio`, shadowed / alone);
    }
    record('shadow_compared_share', median(figures['shadowed_compared_share'] ?? []));
  } finally {
    await background.stop();
    await system.stop();
  }
}

/**
 * Sets the rollout, and waits until a shadow that it has compares.
 *
 * @param {string} url
 * @param {boolean} isOn
 * @param {{ url: string, bodies: readonly string[] }} request
 */
async function setShadow(url, isOn, request) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ stable: STABLE, ...(isOn && { shadow: SHADOW }) });
  const answer = await fetch(`${url}${ROLLOUT}`, { method: 'PUT', headers, body });
  if (!answer.ok) throw new PlainError(`rollout: ${answer.status} ${await answer.text()}`);
  const deadline = Date.now() + PATIENCE_MS;
  while (isOn && ((await report(url))?.compared ?? 0) === 0) {
    if (Date.now() > deadline) throw new PlainError('the shadow has compared nothing');
    await fetch(request.url, { method: 'POST', headers, body: request.bodies[0] ?? '' });
    await delay(100);
  }
}

/**
 * @param {string} url
 * @returns {Promise<{ compared: number } | null>} of the shadow
 */
async function report(url) {
  const view = /** @type {any} */ (await (await fetch(`${url}${ROLLOUT}`)).json());
  return view.report?.shadow ?? null;
}

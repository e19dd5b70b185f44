import { watchUse } from '../lib/proc.mjs';
import { untilPublished } from '../lib/published.mjs';

/** @import { Burst, BurstRequest } from '../lib/burst.mjs' */
/** @import { Loader } from '../lib/loader.mjs' */
/** @import { ProcessUse } from '../lib/proc.mjs' */
/** @import { System } from '../lib/system.mjs' */

/** Requests a connection that tell roughly how fast a system is. */
const PROBES = 10;
/** Its name among the processes. */
export const LOAD_GENERATOR = 'load generator';

/**
 * @typedef {object} Load
 * @property {string} url
 * @property {readonly string[]} bodies
 * @property {number} connections
 * @property {number} seconds how long it should take, about
 * @property {number} warmUpSeconds
 */

/**
 * @typedef {object} Measured
 * @property {Burst} burst
 * @property {number} publishedSeconds from the first request until the last result was published
 * @property {ProcessUse[]} use meanwhile, the load generator's too
 * @property {number | undefined} loopDelayP99Ms of the worker while requests came in
 */

/**
 * Loads a system for about so long, and waits until all it has accepted is published. The number of requests is fixed before:
 * none is cut off, so that what was accepted is known exactly.
 *
 * @param {Loader} loader
 * @param {System} system
 * @param {Load} load
 * @returns {Promise<Measured>}
 */
export async function measureBurst(loader, system, { seconds, warmUpSeconds, ...request }) {
  /** @param {number} amount */
  const once = (amount) => publishBurst(loader, system, { ...request, amount });
  /** @param {Measured} measured @param {number} wanted */
  const amountFor = ({ burst }, wanted) =>
    Math.ceil(((burst.accepted + burst.refused) / burst.seconds) * wanted);
  const probe = await once(PROBES * request.connections);
  const warm = await once(amountFor(probe, warmUpSeconds));
  return once(amountFor(warm, seconds));
}

/**
 * Sends so many requests, and waits until all that was accepted of them is published.
 *
 * @param {Loader} loader
 * @param {System} system
 * @param {BurstRequest} request
 * @returns {Promise<Measured>}
 */
export async function publishBurst(loader, system, request) {
  const before = (await system.ended?.()) ?? 0;
  await system.loopDelayP99Ms?.();
  const stop = watchUse([...system.processes, { name: LOAD_GENERATOR, pid: loader.pid }]);
  const burst = await loader.burst(request);
  const loopDelayP99Ms = await system.loopDelayP99Ms?.();
  const samples = system.ended && (await untilPublished(system.ended, before + burst.accepted));
  const endedAt = samples?.at(-1)?.atMs ?? burst.startedAt + burst.seconds * 1000;
  const publishedSeconds = (endedAt - burst.startedAt) / 1000;
  return { burst, publishedSeconds, use: stop(), loopDelayP99Ms };
}

import { watchUse } from '../lib/proc.mjs';
import { untilPublished } from '../lib/published.mjs';
import { publishBurst } from './burst.mjs';

/** @import { BurstRequest } from '../lib/burst.mjs' */
/** @import { Foretell } from '../lib/foretell.mjs' */
/** @import { Loader } from '../lib/loader.mjs' */
/** @import { Receivers } from '../lib/receivers.mjs' */

/** Jobs a second while lags are measured: nothing has to wait for a core. */
const STEADY_PER_S = 100;
/** Jobs whose receiver hangs. */
const HANGING = 1000;
/** Of their callbacks, those that are made at once however little is known of their receiver. */
const HELD = 4;

/** @typedef {Omit<BurstRequest, 'amount'>} Request */

/**
 * @typedef {object} Site
 * @property {Loader} loader
 * @property {Foretell} system
 * @property {Receivers} receivers
 * @property {Request} calling jobs with a webhook to the good receiver
 */

/**
 * Jobs with a callback each, and the time from the first request until the last callback has come.
 *
 * @param {Site} site
 * @param {number} amount
 * @returns {Promise<{ perSecond: number, courierUs: number, jobsPerSecond: number }>}
 */
export async function callbackBurst({ loader, system, receivers, calling }, amount) {
  const { came } = await receivers.see();
  const stop = watchUse(system.processes.filter(({ name }) => name === 'courier'));
  const { burst, publishedSeconds } = await publishBurst(loader, system, { ...calling, amount });
  const samples = await untilCame(receivers, 'came', came + burst.accepted);
  const seconds = ((samples.at(-1)?.atMs ?? NaN) - burst.startedAt) / 1000;
  const [courier] = stop();
  return {
    perSecond: burst.accepted / seconds,
    courierUs: ((courier?.cpu_cores ?? NaN) * seconds * 1e6) / burst.accepted,
    jobsPerSecond: burst.accepted / publishedSeconds,
  };
}

/**
 * @param {Site} site
 * @param {number} seconds of steady load
 * @returns {Promise<number[]>} ms from the end of a job until its callback came
 */
export async function callbackLags({ loader, receivers, calling }, seconds) {
  const { came } = await receivers.see('take lags');
  const accepted = await loader.steady({ ...calling, perSecond: STEADY_PER_S, seconds });
  await untilCame(receivers, 'came', came + accepted);
  return (await receivers.see('take lags')).lags;
}

/**
 * Measures while callbacks hang, and then has all of them answered.
 *
 * @param {Site & { hanging: Request }} site
 * @param {() => Promise<void>} measure
 */
export async function whileHanging({ loader, system, receivers, hanging }, measure) {
  const { letGo } = await receivers.see('hold');
  const { burst } = await publishBurst(loader, system, { ...hanging, amount: HANGING });
  await untilCame(receivers, 'held', HELD);
  await measure();
  await receivers.see('let go');
  await untilCame(receivers, 'letGo', letGo + burst.accepted);
}

/**
 * @param {Receivers} receivers
 * @param {'came' | 'held' | 'letGo'} counted
 * @param {number} target
 */
function untilCame(receivers, counted, target) {
  return untilPublished(async () => (await receivers.see())[counted], target, 'callbacks');
}

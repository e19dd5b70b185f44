import { startForetell } from '../lib/foretell.mjs';
import { singleBodies } from '../lib/iris.mjs';
import { median, quantile } from '../lib/numbers.mjs';
import { Receivers } from '../lib/receivers.mjs';
import { measureBurst, publishBurst } from './burst.mjs';
import { callbackBurst, callbackLags, whileHanging } from './callbacks.mjs';

/** @import { Turn } from '../lib/turn.mjs' */

const CONNECTIONS = 64;
/** A burst and a time of steady load without hanging callbacks, the same with them, and so on: what the machine does meanwhile falls on both. */
const ROUNDS = 3;

/**
 * (h) callbacks/s and their lag, and what becomes of lag and inference while the receiver of others hangs.
 *
 * @param {Omit<Turn, 'system' | 'recordUse'> & { dir: string }} turn
 */
export async function webhooks({ dir, loader, record, pace }) {
  const env = { OUTBOUND_ALLOW: '127.0.0.1' };
  const system = await startForetell(dir, { env });
  // Last, so that whatever ends this ends them first: a courier waits for those that it calls.
  const receivers = new Receivers(dir);
  /** @param {string} [receiver] */
  const requestTo = (receiver) => ({
    url: `${system.url}${system.paths.single}`,
    bodies: singleBodies(receiver ? { url: receiver, events: ['succeeded'] } : undefined),
    connections: CONNECTIONS,
  });
  const plain = requestTo();
  const seconds = pace.seconds / 4;
  try {
    const urls = await receivers.urls();
    const site = { loader, system, receivers, calling: requestTo(urls.good) };
    const warm = await measureBurst(loader, system, { ...plain, ...pace, seconds });
    const amount = warm.burst.accepted;
    await callbackLags(site, pace.warmUpSeconds);
    const callbacks = await callbackBurst(site, amount);

    /** @param {{ jobs: number[], lags: number[] }} into */
    const measure = async ({ jobs, lags }) => {
      const { burst, publishedSeconds } = await publishBurst(loader, system, { ...plain, amount });
      jobs.push(burst.accepted / publishedSeconds);
      lags.push(...(await callbackLags(site, 2 * seconds)));
    };
    /** @type {{ jobs: number[], lags: number[] }} */
    const quiet = { jobs: [], lags: [] };
    /** @type {typeof quiet} */
    const hanging = { jobs: [], lags: [] };
    await measure(quiet);
    for (let round = 0; round < ROUNDS; round += 1) {
      await whileHanging({ ...site, hanging: requestTo(urls.hanging) }, () => measure(hanging));
      await measure(quiet);
    }
    // Each beside those before and after it.
    const ratios = hanging.jobs.map((rate, i) => rate / median(quiet.jobs.slice(i, i + 2)));
    const p99 = { quiet: quantile(quiet.lags, 0.99), hanging: quantile(hanging.lags, 0.99) };
    record('callbacks_per_s', callbacks.perSecond);
    record('callback_courier_us', callbacks.courierUs);
    record('callback_jobs_per_s', callbacks.jobsPerSecond);
    record('quiet_jobs_per_s', median(quiet.jobs));
    record('hanging_jobs_per_s', median(hanging.jobs));
    record('hanging_jobs_ratio', median(ratios));
    record('quiet_lag_p50_ms', quantile(quiet.lags, 0.5));
    record('quiet_lag_p99_ms', p99.quiet);
    record('hanging_lag_p50_ms', quantile(hanging.lags, 0.5));
    record('hanging_lag_p99_ms', p99.hanging);
    record('hanging_lag_ratio', p99.hanging / p99.quiet);
    record('hanging_lag_excess_ms', p99.hanging - 2 * p99.quiet);
  } finally {
    await receivers.stop();
    await system.stop();
  }
}

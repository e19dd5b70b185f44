import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { startForetell } from '../lib/foretell.mjs';
import { Loader } from '../lib/loader.mjs';
import { measureBurst } from './burst.mjs';

/** @import { Turn } from '../lib/turn.mjs' */

const MODEL = 'slow';
/** Of the slow model: some 10 ms of computing a job, one job a run. What there is of it is soon more than there is time for. */
const BODIES = [JSON.stringify({ input: [200] })];
const MANIFEST = 'batching: { max_batch_size: 1, max_queue_delay_ms: 0 }\n';
const CONNECTIONS = 64;
const FLOOD_FACTOR = 10;
/** What a key may have of the capacity, and what the other one uses of that. */
const SHARE = 1 / 5;
const QUIET_SHARE = 3 / 4;
const MAX_QUEUED_JOBS = 50;
/** What the flooder's full bucket lets in at first is over by then. */
const SETTLE_S = 2;

/**
 * (i) one key floods with ten times the capacity: what another one, which keeps to its limit, notices of that.
 *
 * @param {Omit<Turn, 'system' | 'recordUse'> & { dir: string }} turn
 */
export async function flood({ dir, loader, record, pace }) {
  const modelsDir = join(dir, 'models');
  cpSync(join(rootDir, 'test/fixtures/models', MODEL), join(modelsDir, MODEL), { recursive: true });
  writeFileSync(join(modelsDir, MODEL, 'model.yaml'), MANIFEST);
  const capacity = await capacityOf(
    mkdtempSync(join(dir, 'free-')),
    modelsDir,
    loader,
    pace.seconds,
  );
  const limit = Math.floor(capacity * SHARE);
  const system = await startForetell(mkdtempSync(join(dir, 'limited-')), {
    model: MODEL,
    env: {
      MODELS_DIR: modelsDir,
      API_KEYS: 'quiet:key-of-quiet,flood:key-of-flood',
      RATE_LIMIT: `${limit}/s`,
      MAX_QUEUED_JOBS: String(MAX_QUEUED_JOBS),
    },
  });
  const flooder = new Loader(dir);
  try {
    const url = `${system.url}${system.paths.single}`;
    const perSecond = limit * QUIET_SHARE;
    /** @param {number} seconds */
    const measure = (seconds) =>
      loader.latency({
        url,
        bodies: BODIES,
        count: Math.ceil(seconds * perSecond),
        everyMs: 1000 / perSecond,
        waits: true,
        headers: { authorization: 'Bearer key-of-quiet' },
      });
    await measure(pace.warmUpSeconds);
    const quiet = await measure(pace.seconds);
    const rate = Math.round(FLOOD_FACTOR * capacity);
    const flooding = flooder.burst({
      url,
      bodies: BODIES,
      connections: CONNECTIONS,
      amount: rate * (pace.seconds + 2 * SETTLE_S),
      perSecond: rate,
      headers: { authorization: 'Bearer key-of-flood' },
    });
    await delay(SETTLE_S * 1000);
    const flooded = await measure(pace.seconds);
    const { accepted, refused, seconds } = await flooding;
    record('flood_capacity_per_s', capacity);
    record('flood_sent_per_s', (accepted + refused) / seconds);
    record('flood_accepted_per_s', accepted / seconds);
    record('flood_quiet_p50_ms', quiet.p50Ms);
    record('flood_quiet_p99_ms', quiet.p99Ms);
    record('flood_flooded_p50_ms', flooded.p50Ms);
    record('flood_flooded_p99_ms', flooded.p99Ms);
    record('flood_p99_ratio', flooded.p99Ms / quiet.p99Ms);
  } finally {
    await flooder.stop();
    await system.stop();
  }
}

/**
 * @param {string} dir
 * @param {string} modelsDir
 * @param {Loader} loader
 * @param {number} seconds
 * @returns {Promise<number>} jobs/s without limits
 */
async function capacityOf(dir, modelsDir, loader, seconds) {
  const system = await startForetell(dir, { model: MODEL, env: { MODELS_DIR: modelsDir } });
  try {
    const { burst, publishedSeconds } = await measureBurst(loader, system, {
      url: `${system.url}${system.paths.single}`,
      bodies: BODIES,
      connections: CONNECTIONS,
      // It accepts jobs many times as fast as it ends them: a short burst is a long queue.
      seconds: seconds / 40,
      warmUpSeconds: 0.1,
    });
    return burst.accepted / publishedSeconds;
  } finally {
    await system.stop();
  }
}

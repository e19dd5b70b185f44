import { join } from 'node:path';
import { nodePath } from '../../../scripts/lib/install.mjs';
import { Child } from '../lib/child.mjs';
import { startForetell } from '../lib/foretell.mjs';
import { HEAVY_MODEL, heavyBodies, writeHeavyModel } from '../lib/heavy-model.mjs';
import { measureBacklog } from './backlog.mjs';
import { measureBurst } from './burst.mjs';

/** @import { Turn } from '../lib/turn.mjs' */

const CONNECTIONS = 64;

/**
 * (e) single-row jobs/s of a heavy model as a share of the best that its session can do with any batch size.
 *
 * @param {Omit<Turn, 'system' | 'recordUse'> & { dir: string }} turn
 */
export async function heavyModel({ dir, loader, record, pace }) {
  const modelsDir = join(dir, 'models');
  const file = writeHeavyModel(modelsDir);
  const system = await startForetell(dir, {
    model: HEAVY_MODEL,
    env: { MODELS_DIR: modelsDir },
  });
  try {
    const threads = await threadsOf(system.url);
    // Foretell does nothing meanwhile.
    const rates = await sessionRows(dir, file, threads, pace.seconds / 8);
    for (const [size, rate] of Object.entries(rates))
      record(`heavy_session_${size}_rows_per_s`, rate);
    const best = Math.max(...Object.values(rates));
    const request = {
      url: `${system.url}${system.paths.single}`,
      bodies: heavyBodies(),
      connections: CONNECTIONS,
    };
    const { burst, publishedSeconds } = await measureBurst(loader, system, { ...request, ...pace });
    const amount = Math.round(best * pace.seconds);
    const { drained } = await measureBacklog(loader, system, { ...request, amount });
    record('heavy_threads', threads);
    record('heavy_session_rows_per_s', best);
    record('heavy_jobs_per_s', drained);
    record('heavy_efficiency', drained / best);
    record('heavy_jobs_per_s_with_submission', burst.accepted / publishedSeconds);
    record('heavy_efficiency_with_submission', burst.accepted / publishedSeconds / best);
  } finally {
    await system.stop();
  }
}

/** @param {string} url @returns {Promise<number>} threads of the model's session; 1 where its page says nothing */
async function threadsOf(url) {
  const page = await (await fetch(`${url}/v1/models/${HEAVY_MODEL}`)).json();
  return Number(/"threads":(\d+)/.exec(JSON.stringify(page))?.[1] ?? 1);
}

/**
 * @param {string} dir
 * @param {string} file
 * @param {number} threads
 * @param {number} seconds for each batch size
 * @returns {Promise<Record<string, number>>} rows/s by batch size
 */
async function sessionRows(dir, file, threads, seconds) {
  const script = new URL('../lib/session-rows.process.mjs', import.meta.url).pathname;
  const args = [script, file, String(threads), String(seconds)];
  const child = new Child('session', nodePath, args, { dir });
  const rates = await child.ask();
  await child.stop();
  return rates;
}

import { join } from 'node:path';
import { startForetell } from '../lib/foretell.mjs';
import {
  firstTextMs,
  generateAll,
  linkWriters,
  WIDE_WRITER,
  WRITER,
  writerBodies,
} from '../lib/generation.mjs';
import { median, quantile } from '../lib/numbers.mjs';

/** @import { Turn } from '../lib/turn.mjs' */

/** One after the other, and at a time; then in the other order: what the machine does meanwhile falls on all. */
const ROUNDS = [1, 8, 32, 32, 8, 1];
const REQUESTS = 64;
/** A token of the large model takes about ten times as long. */
const WIDE_REQUESTS = 32;
/** Of first texts, for each second of the pace. */
const PROBES_PER_S = 5;

/**
 * (k) tokens/s of many requests at a time against the same requests one after the other, of a large model and a small
 * one; and the time to the small one's first text: on an idle system, and while eight others generate.
 *
 * @param {Omit<Turn, 'system' | 'recordUse'> & { dir: string }} turn
 */
export async function generation({ dir, record, pace }) {
  const modelsDir = join(dir, 'models');
  linkWriters(modelsDir);
  const system = await startForetell(dir, { model: WRITER, env: { MODELS_DIR: modelsDir } });
  const url = `${system.url}${system.paths.single}`;
  const bodies = writerBodies(REQUESTS);
  try {
    const wideUrl = url.replace(WRITER, WIDE_WRITER);
    await rates(wideUrl, writerBodies(WIDE_REQUESTS), 'wide_tokens_per_s', record);
    await rates(url, bodies, 'tokens_per_s', record);
    const probes = writerBodies(pace.seconds * PROBES_PER_S);
    record('first_text_p50_ms', quantile(await firstTexts(url, probes), 0.5));
    let isBusy = true;
    const others = Array.from({ length: 8 }, async () => {
      while (isBusy) await generateAll(url, bodies.slice(0, 4), 1);
    });
    record('busy_first_text_p50_ms', quantile(await firstTexts(url, probes), 0.5));
    isBusy = false;
    await Promise.all(others);
  } finally {
    await system.stop();
  }
}

/**
 * @param {string} url
 * @param {readonly string[]} bodies
 * @param {string} metric
 * @param {Turn['record']} record
 */
async function rates(url, bodies, metric, record) {
  await generateAll(url, bodies, 32);
  /** @type {Record<number, number[]>} */
  const all = {};
  for (const clients of ROUNDS) (all[clients] ??= []).push(await generateAll(url, bodies, clients));
  const alone = median(all[1] ?? []);
  record(`${metric}_alone`, alone);
  for (const clients of [8, 32]) {
    const rate = median(all[clients] ?? []);
    record(`${metric}_of_${clients}`, rate);
    record(`${metric}_of_${clients}_ratio`, rate / alone);
  }
}

/**
 * @param {string} url
 * @param {readonly string[]} bodies
 * @returns {Promise<number[]>} ms, of one after the other
 */
async function firstTexts(url, bodies) {
  const found = [];
  for (const body of bodies) found.push(await firstTextMs(url, body));
  return found;
}

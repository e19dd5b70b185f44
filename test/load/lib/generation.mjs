import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir } from '../../../scripts/lib/paths.mjs';
import { PlainError } from '../../../scripts/lib/plain-error.mjs';

export const WRITER = 'austen';
/** So large that a token is mostly reading weights: what generating together saves shows in it. */
export const WIDE_WRITER = 'wide_lm';
/** Those of the requests, in turn: some are short, some four times as long. */
const MAX_TOKENS = [32, 64, 96, 128];
const BEGINNINGS = [
  'It is a truth universally acknowledged, that',
  'Emma',
  'The evening was',
  'Captain Wentworth',
  'She had never',
  'Mr. Knightley, a sensible man about seven or eight-and-thirty, was',
  'They',
  'The letter, which had come by the morning post, and which she had read three times over before breakfast, was',
];

/**
 * A models folder with the language models alone.
 *
 * @param {string} modelsDir
 */
export function linkWriters(modelsDir) {
  mkdirSync(modelsDir, { recursive: true });
  symlinkSync(join(rootDir, 'models', WRITER), join(modelsDir, WRITER));
  symlinkSync(join(rootDir, 'test/fixtures/models', WIDE_WRITER), join(modelsDir, WIDE_WRITER));
}

/**
 * @param {number} count
 * @returns {string[]} bodies, each with a seed of its own, so that they come to as many tokens each time
 */
export function writerBodies(count) {
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      input: BEGINNINGS[i % BEGINNINGS.length],
      parameters: { seed: i, max_tokens: MAX_TOKENS[i % MAX_TOKENS.length] },
    }),
  );
}

/**
 * Sends requests, so many at a time: each client sends its next one once it has the result.
 *
 * @param {string} url
 * @param {readonly string[]} bodies
 * @param {number} clients
 * @returns {Promise<number>} tokens/s
 * @throws {PlainError} one fails
 */
export async function generateAll(url, bodies, clients) {
  let tokens = 0;
  let next = 0;
  const startedAt = performance.now();
  const client = async () => {
    while (next < bodies.length) {
      const body = bodies[next++] ?? '';
      const made = await generate(url, body);
      tokens += made;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return (tokens / (performance.now() - startedAt)) * 1000;
}

/**
 * @param {string} url
 * @param {string} body
 * @returns {Promise<number>} tokens
 */
async function generate(url, body) {
  const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
  const answer = await fetch(url, { method: 'POST', headers, body });
  const job = /** @type {any} */ (await answer.json());
  if (job.status !== 'succeeded') throw new PlainError(`no text: ${JSON.stringify(job)}`);
  return job.output.usage.completion_tokens;
}

/**
 * Submits, and reads the events to the end.
 *
 * @param {string} url
 * @param {string} body
 * @returns {Promise<number>} ms from the request to the first event that has text
 * @throws {PlainError} there is none
 */
export async function firstTextMs(url, body) {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
  const startedAt = performance.now();
  const answer = await fetch(url, { method: 'POST', headers, body });
  let known = '';
  let ms = NaN;
  for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    known += text;
    if (Number.isNaN(ms) && known.includes('event: output')) ms = performance.now() - startedAt;
  }
  if (Number.isNaN(ms)) throw new PlainError(`no text: ${answer.status} ${known}`);
  return ms;
}

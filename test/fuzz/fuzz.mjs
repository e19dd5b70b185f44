// The main file of npm run test:fuzz; scripts/fuzz.mjs starts it with all it needs.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { rootDir } from '../../scripts/lib/paths.mjs';
import { PlainError, runMain } from '../../scripts/lib/plain-error.mjs';
import { stopAll } from '../load/lib/child.mjs';
import { startForetell } from '../load/lib/foretell.mjs';
import { mutants } from './lib/mutants.mjs';
import { send } from './lib/send.mjs';

/** Connections at once. */
const CONNECTIONS = 64;
/** A heap that has room is not cleared at once; but of 20,000 requests 13 kB each would be too much. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
/** Of the requests, those after which the api is as large as it needs to be. */
const WARM_UP = 0.25;
/** Most of a request, or an answer, that is shown. */
const SHOWN = 600;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    url: { type: 'string' },
  },
});

await runMain(async () => {
  if (values.url !== undefined) return fuzz(new URL(values.url));
  const base = join(rootDir, '.foretell');
  mkdirSync(base, { recursive: true });
  const dir = mkdtempSync(join(base, 'test-fuzz-'));
  let code = 1;
  try {
    // Without a courier: the addresses that callbacks would go to are made up.
    const env = { LOG_LEVEL: 'error', REQUEST_TIMEOUT_S: '1' };
    const { url } = await startForetell(dir, { env, courier: false });
    code = await fuzz(new URL(url));
  } finally {
    await stopAll();
    if (code === 0) rmSync(dir, { recursive: true, force: true });
    else console.log(`Logs are in ${dir}`);
  }
  return code;
});

/**
 * @param {URL} url
 * @returns {Promise<number>} an exit code
 */
async function fuzz(url) {
  const [seed, count] = [Number(values.seed), Number(values.requests)];
  const before = await workers(url);
  const requests = mutants(seed, count);
  /** @type {Map<number, number>} */
  const answers = new Map();
  /** @type {string[]} */
  const failures = [];
  let next = 0;

  /** @param {number} end */
  const sendUntil = async (end) => {
    while (next < end) {
      const i = next++;
      const bytes = requests[i] ?? Buffer.alloc(0);
      const { statuses, text } = await send(url, bytes);
      for (const status of statuses) {
        answers.set(status, (answers.get(status) ?? 0) + 1);
        if (status >= 500 && status !== 503) failures.push(report(i, bytes, text));
      }
    }
  };
  /** @param {number} end */
  const sendAllUntil = (end) =>
    Promise.all(Array.from({ length: CONNECTIONS }, () => sendUntil(end)));

  await sendAllUntil(Math.ceil(count * WARM_UP));
  const warm = await residentBytes(url);
  await sendAllUntil(count);
  const grown = (await residentBytes(url)) - warm;
  const after = await workers(url);

  const statuses = [...answers].sort(([a], [b]) => a - b);
  console.log(`${count} requests, seed ${seed}`);
  console.log(statuses.map(([status, n]) => `${status}: ${n}`).join(', '));
  console.log(`Memory of the api since the first quarter: ${Math.round(grown / 2 ** 20)} MiB more`);
  if (grown > MAX_GROWTH_BYTES) failures.push('the api keeps memory');
  if (after !== before) failures.push('the worker is another one, or gone');
  for (const failure of failures) console.error(failure);
  return failures.length === 0 ? 0 : 1;
}

/**
 * @param {number} i
 * @param {Buffer} bytes
 * @param {string} text
 */
function report(i, bytes, text) {
  const shown = JSON.stringify(bytes.toString('latin1').slice(0, SHOWN));
  return `request ${i} was ${shown}\nand was answered ${JSON.stringify(text.slice(0, SHOWN))}`;
}

/** @param {URL} url */
async function residentBytes(url) {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const found = /^process_resident_memory_bytes\S* (\S+)/m.exec(text);
  if (!found) throw new PlainError('/metrics does not have process_resident_memory_bytes');
  return Number(found[1]);
}

/**
 * @param {URL} url
 * @returns {Promise<string>} the workers that are alive, and their processes
 */
async function workers(url) {
  const answer = await fetch(new URL('/health', url));
  const { workers } = /** @type {{ workers: { id: string }[] }} */ (await answer.json());
  return workers
    .map(({ id }) => id)
    .sort()
    .join();
}

// The floor's worker: BullMQ jobs in, batches to a runner process, results as BullMQ's return values.
import { fork } from 'node:child_process';
import { Worker } from 'bullmq';
import { FIELDS, LABELS } from './iris.mjs';
import { QUEUE, redisOptions } from './queue.mjs';

/** Jobs held at once: enough for two full batches under way and two in the making. */
const CONCURRENCY = 256;
const MAX_BATCH_JOBS = 64;
const MAX_IN_FLIGHT = 2;

/**
 * @typedef {object} Waiting
 * @property {number[][]} rows
 * @property {(scores: Float32Array) => void} resolve
 */

const runner = fork(new URL('./runner.process.mjs', import.meta.url), {
  serialization: 'advanced',
});
/** @type {Waiting[]} */
let waiting = [];
/** @type {Waiting[][]} */
const inFlight = [];
let ended = 0;

function pump() {
  while (waiting.length > 0 && inFlight.length < MAX_IN_FLIGHT) {
    const batch = waiting.slice(0, MAX_BATCH_JOBS);
    waiting = waiting.slice(MAX_BATCH_JOBS);
    inFlight.push(batch);
    runner.send(Float32Array.from(batch.flatMap(({ rows }) => rows.flat())));
  }
}

runner.on('message', (message) => {
  if (!(message instanceof Float32Array)) return;
  let at = 0;
  for (const { rows, resolve } of inFlight.shift() ?? []) {
    const size = rows.length * LABELS.length;
    resolve(message.subarray(at, at + size));
    at += size;
  }
  pump();
});

/** @param {Float32Array} scores */
function answer(scores) {
  return Array.from({ length: scores.length / LABELS.length }, (_, row) => {
    const own = [...scores.subarray(row * LABELS.length, (row + 1) * LABELS.length)];
    const confidence = Math.max(...own);
    return { label: LABELS[own.indexOf(confidence)], confidence };
  });
}

const worker = new Worker(
  QUEUE,
  async ({ data }) => {
    const rows = data.inputs ?? [data.input];
    const scores = await new Promise((/** @type {Waiting['resolve']} */ resolve) => {
      waiting.push({ rows, resolve });
      pump();
    });
    return answer(scores);
  },
  { connection: redisOptions(), concurrency: CONCURRENCY, autorun: false },
);
worker.on('completed', () => (ended += 1));
worker.on('error', (error) => console.error(error));

process.on('message', () => process.send?.({ ended }));
for (const event of ['SIGTERM', 'disconnect']) process.once(event, () => process.exit(0));
runner.once('exit', () => process.exit(1));
runner.once('message', () => {
  void worker.run();
  process.send?.({ ready: true, fields: FIELDS });
});

// What it saves to run texts by their length: `node test/load/text-lanes.mjs <model folder>`, after a build. A model of
// input kind text, version 1; its own `buckets` are not looked at. Counts the time of the processor, by one thread.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { generator } from './lib/onnx-file.mjs';

const { INPUT_KINDS } = await import(
  new URL('../../dist/libs/kinds/src/index.js', import.meta.url).href
);

const TEXTS = 256;
const MAX_LENGTH = 128;
const MEDIAN_WORDS = 24;
const REPETITIONS = 3;
const BUCKETS = {
  'one lane': [],
  'doublings from 16': undefined,
  'fourfold from 16': [16, 64, 128],
  'half steps from 16': [16, 24, 32, 48, 64, 96, 128],
};

const folder = resolve(process.argv[2] ?? 'models/sentences');
const file = join(folder, '1/model.onnx');
const session = await InferenceSession.create(file, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const inputs = session.inputMetadata.map((input) => {
  if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
  return { name: input.name, dtype: input.type, shape: [...input.shape] };
});
const random = generator(3);
const words =
  readFileSync(new URL('../../README.md', import.meta.url), 'utf8').match(/[a-z]+/g) ?? [];

/** Words of which there are as many as a log-normal distribution says. */
function text() {
  const normal =
    Math.sqrt(-2 * Math.log(1 - Math.abs(random()))) * Math.cos(2 * Math.PI * random());
  const length = Math.max(2, Math.round(MEDIAN_WORDS * Math.exp(0.9 * normal)));
  return Array.from({ length }, () => words[Math.floor(Math.abs(random()) * words.length)]).join(
    ' ',
  );
}

const texts = Array.from({ length: TEXTS }, text);

/** @param {number[] | undefined} buckets */
function open(buckets) {
  const spec = { kind: 'text', tokenizer_file: 'tokenizer.json', max_length: MAX_LENGTH, buckets };
  const input = INPUT_KINDS.text.settings.parse(spec);
  return INPUT_KINDS.text.openEncoder({ input }, inputs, join(folder, '1'));
}

/**
 * @param {Awaited<ReturnType<typeof open>>} encoder
 * @param {unknown[]} run
 */
async function infer(encoder, run) {
  const feeds = Object.entries(encoder.encode(run, run.length)).map(([name, { data, shape }]) => {
    const dtype = inputs.find((input) => input.name === name)?.dtype ?? 'int64';
    return [name, new Tensor(dtype, /** @type {any} */ (data), [run.length, ...shape])];
  });
  await session.run(Object.fromEntries(feeds));
}

/**
 * Batches in the order of arrival, each of which is run lane by lane.
 * @param {Awaited<ReturnType<typeof open>>} encoder
 * @param {unknown[]} prepared
 * @param {number} rows of a batch.
 */
async function measure(encoder, prepared, rows) {
  let least = Infinity;
  for (let i = 0; i < REPETITIONS; i++) {
    const before = process.cpuUsage();
    for (let from = 0; from < prepared.length; from += rows) {
      const batch = prepared.slice(from, from + rows);
      const lanes = Map.groupBy(batch, (one) => encoder.laneOf?.(one) ?? '');
      for (const lane of lanes.values()) await infer(encoder, lane);
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e6);
  }
  return Math.round(prepared.length / least);
}

const started = process.cpuUsage();
const encoder = await open(undefined);
const opened = process.cpuUsage();
for (const one of texts) encoder.prepare?.(one);
const { user } = process.cpuUsage(opened);
console.log(
  `opening ${((opened.user - started.user) / 1e3).toFixed(0)} ms, tokenising ${(user / TEXTS).toFixed(0)} µs a text`,
);
for (const [name, buckets] of Object.entries(BUCKETS)) {
  const made = await open(buckets);
  const prepared = texts.map((one) => made.prepare?.(one));
  const speeds = [];
  for (const rows of [8, 32, 64]) speeds.push(await measure(made, prepared, rows));
  console.log(`${name}: ${speeds.join(', ')} texts/s in batches of 8, 32, 64`);
}
const sorted = texts
  .map((one) => encoder.prepare?.(one))
  .sort((a, b) => Number(encoder.laneOf?.(a)) - Number(encoder.laneOf?.(b)));
console.log(
  `sorted before batching: ${await measure(encoder, sorted, 64)} texts/s in batches of 64`,
);

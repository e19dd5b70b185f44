// How fast the session alone is: rows/s by batch size, with the options that Foretell's runner sets.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { INPUTS } from './heavy-model.mjs';
import { generator } from './onnx-file.mjs';

const SIZES = [1, 4, 16, 32, 64, 128, 256, 512];
const [file = '', threads = '1', seconds = '1'] = process.argv.slice(2);

const session = await InferenceSession.create(file, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const random = generator(3);

/** @param {number} size */
async function rowsPerSecond(size) {
  const x = new Tensor('float32', Float32Array.from({ length: size * INPUTS }, random), [
    size,
    INPUTS,
  ]);
  await session.run({ x });
  const startedAt = performance.now();
  let rows = 0;
  let elapsed = 0;
  while (elapsed < Number(seconds) * 1000) {
    await session.run({ x });
    rows += size;
    elapsed = performance.now() - startedAt;
  }
  return (rows / elapsed) * 1000;
}

process.once('disconnect', () => process.exit(0));
/** @type {Record<number, number>} */
const rates = {};
for (const size of SIZES) rates[size] = await rowsPerSecond(size);
process.send?.(rates);

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generator, perceptron } from './onnx-file.mjs';

export const HEAVY_MODEL = 'heavy';
export const INPUTS = 512;
const HIDDEN = 2048;
const CLASSES = 1000;
const BODIES = 16;

/** The cap is a tuned one: beyond it the session gains next to nothing. */
const MANIFEST = `# Made by npm run bench: ${INPUTS} numbers in, the best of ${CLASSES} classes out.
input: { kind: tensor }
output:
  kind: classification
  activation: softmax
  top_k: 5
  labels: [${Array.from({ length: CLASSES }, (_, i) => `class${i}`).join(', ')}]
batching: { max_batch_size: 256 }
warmup: { batch_sizes: [1, 4, 16, 64, 256] }
`;

/**
 * Writes a models folder with the heavy model alone.
 *
 * @param {string} modelsDir
 * @returns {string} the graph's file
 */
export function writeHeavyModel(modelsDir) {
  const dir = join(modelsDir, HEAVY_MODEL);
  const file = join(dir, '1/model.onnx');
  mkdirSync(join(dir, '1'), { recursive: true });
  writeFileSync(join(dir, 'model.yaml'), MANIFEST);
  writeFileSync(
    file,
    perceptron([
      { inputs: INPUTS, outputs: HIDDEN },
      { inputs: HIDDEN, outputs: HIDDEN },
      { inputs: HIDDEN, outputs: CLASSES },
    ]),
  );
  return file;
}

/** @returns {string[]} bodies of one row each */
export function heavyBodies() {
  const random = generator(2);
  const row = () => Array.from({ length: INPUTS }, () => Number(random().toFixed(3)));
  return Array.from({ length: BODIES }, () => JSON.stringify({ input: row() }));
}

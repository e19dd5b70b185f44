import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ProblemCode } from '#libs/contracts';
import { copyModel, modelsDir } from '../../e2e/support/models.js';
import { expecting, type Work } from './workloads.js';

/** What an input does to the process that computes it, and how its job must end. */
const POISONS = {
  abort: { input: [-1], code: 'poisoned' },
  /** Of V8's memory, which ends the process. */
  hoard: { input: [-2], code: 'poisoned' },
  /** Of the graph's memory: a tensor of 2 GiB. */
  gorge: { input: [2048], code: 'inference-failed' },
  /** Neither the event loop nor the batch goes on. */
  spin: { input: [-3], execution_timeout_s: 1, code: 'execution-timeout' },
} as const satisfies Record<string, Record<string, unknown> & { code: ProblemCode }>;

export type Poison = keyof typeof POISONS;
export const POISON_NAMES = Object.keys(POISONS) as Poison[];

const PROCESSOR = `
const hoard = [];
export function preprocess(instance) {
  const [what] = instance;
  if (what === -1) process.abort();
  if (what === -2) for (;;) hoard.push(new Array(1e7).fill(hoard.length + 0.5));
  if (what === -3) for (;;);
  return instance;
}
`;
const MANIFEST = 'batching: { max_batch_size: 32, max_queue_delay_ms: 500 }\n';

/** A MODELS_DIR with `hungry`, to which some inputs are poison, and others. */
export async function poisonedModels(...others: string[]): Promise<string> {
  const dir = await modelsDir(...others);
  const folder = path.join(dir, 'hungry');
  await copyModel('fixture:hungry', folder);
  await writeFile(path.join(folder, 'model.yaml'), MANIFEST);
  await writeFile(path.join(folder, 'processor.mjs'), PROCESSOR);
  return dir;
}

export function poisonous(poison: Poison): Work {
  const { code, ...body } = POISONS[poison];
  const check: Work['check'] = ({ status, error, attempts }) =>
    status === 'failed' && error?.code === code && attempts === 1
      ? null
      : `${poison}: ${status} ${String(error?.code)} after ${attempts} attempts, not ${code}`;
  return { model: 'hungry', body, check };
}

/** @param mebibytes what it takes, about. */
export function innocent(mebibytes: number): Work {
  const input = [mebibytes];
  return {
    model: 'hungry',
    body: { input },
    check: expecting({ output: { echo: input } }),
  };
}

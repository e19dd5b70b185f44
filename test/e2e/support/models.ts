import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Oddity, onnxModel } from './onnx.js';

const ROOT = path.join(import.meta.dirname, '../../..');

/** A MODELS_DIR with just these: models of the repository, or fixtures by `fixture:<name>`. */
export async function modelsDir(...names: string[]): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'foretell-models-'));
  for (const name of names)
    await symlink(folderOf(name), path.join(dir, path.basename(folderOf(name))));
  return dir;
}

/** A copy that a test may change. @param name as for `modelsDir`. */
export async function copyModel(name: string, to: string): Promise<void> {
  await cp(folderOf(name), to, { recursive: true });
}

/** Writes a model of which each version is a small graph, see `onnxModel`. */
export async function writeModel(
  folder: string,
  versions: Record<string, Oddity>,
  manifest = '',
): Promise<void> {
  for (const [version, oddity] of Object.entries(versions)) {
    await mkdir(path.join(folder, version), { recursive: true });
    await writeFile(path.join(folder, version, 'model.onnx'), onnxModel(oddity));
  }
  await writeFile(path.join(folder, 'model.yaml'), manifest);
}

function folderOf(name: string): string {
  const [kind, fixture] = name.split(':');
  return path.join(ROOT, kind === 'fixture' ? `test/fixtures/models/${fixture}` : `models/${name}`);
}

export interface HeldOut {
  model: string;
  metric: 'accuracy' | 'r2';
  versions: Record<string, { value: number }>;
  rows: { input: unknown; expected: string | number; reference: Record<string, number[]> }[];
}

/** The rows that a model was not trained on. */
export async function heldOut(model: string): Promise<HeldOut> {
  const file = path.join(ROOT, 'models/training/held-out', `${model}.json`);
  return JSON.parse(await readFile(file, 'utf8')) as HeldOut;
}

import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import path from 'node:path';
import { ProblemError, type VersionDescription } from '#libs/contracts';
import { InputValidator } from './input-validator.js';

/** In a version's folder, or for all versions in the model's. */
export const REFERENCE_FILE = 'reference.jsonl';
const MAX_ROWS = 50_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** A reference that cannot be used. The message names file and line. */
export class ReferenceError extends Error {
  override readonly name = 'ReferenceError';
}

export interface Reference {
  /** As callers would send them. */
  instances: unknown[];
  /** SHA-256 of the file, hexadecimal. */
  digest: string;
}

/**
 * Reads a file with an instance in each line.
 * @param version with `tensors`.
 * @throws ReferenceError
 */
export async function readReference(file: string, version: VersionDescription): Promise<Reference> {
  const label = path.basename(file);
  const text = await readText(file, label);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new ReferenceError(`${label} is empty`);
  if (lines.length > MAX_ROWS) {
    throw new ReferenceError(`${label} has more than ${String(MAX_ROWS)} lines`);
  }
  const validator = new InputValidator(version);
  const instances = lines.map((line, i) => parsed(line, `${label}:${String(i + 1)}`, validator));
  return { instances, digest: hash('sha256', text) };
}

async function readText(file: string, label: string): Promise<string> {
  // Not to be blocked by a named pipe that nobody writes to.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (!handle) throw new ReferenceError(`${label} cannot be read`);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new ReferenceError(`${label} is no regular file`);
    if (found.size > MAX_BYTES) {
      throw new ReferenceError(`${label} has more than ${String(MAX_BYTES / 2 ** 20)} MiB`);
    }
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function parsed(line: string, at: string, validator: InputValidator): unknown {
  let instance: unknown;
  try {
    instance = JSON.parse(line);
  } catch {
    throw new ReferenceError(`${at} is no JSON`);
  }
  try {
    validator.validate([instance], false, undefined);
    return instance;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const [first] = error.errors ?? [];
    const where = first?.pointer.slice('/input'.length) ?? '';
    throw new ReferenceError(
      `${at}: ${where === '' ? 'the instance' : where} ${first?.message ?? error.detail}`,
    );
  }
}

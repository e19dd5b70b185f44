import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ModelLoadError } from '../errors.js';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/**
 * Lets a process have no more memory of its own than so much, from now on: what it asks for beyond fails at once, as if
 * the machine had no more, and the process lives on. Linux also counts what is reserved and not used, such as stacks;
 * as much of that as there is by now comes on top.
 * @throws ModelLoadError where it has more already, or nothing can be limited here.
 */
export async function limitMemory(pid: number, limitBytes: number): Promise<void> {
  const { dataBytes, usedBytes } = await memoryOf(pid);
  if (usedBytes > limitBytes) {
    const [used, limit] = [usedBytes, limitBytes].map((bytes) => Math.round(bytes / MEBIBYTE));
    throw new ModelLoadError(`once loaded it takes ${used} MiB, RUNNER_MEMORY_MB is ${limit}`);
  }
  const args = [`--pid=${pid}`, `--data=${dataBytes - usedBytes + limitBytes}`];
  try {
    await promisify(execFile)('prlimit', args);
  } catch (cause) {
    throw new ModelLoadError('RUNNER_MEMORY_MB needs the command prlimit, of util-linux', {
      cause,
    });
  }
}

/** What Linux counts as data of a process, and what of that it uses. */
async function memoryOf(pid: number): Promise<{ dataBytes: number; usedBytes: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch((cause: unknown) => {
    throw new ModelLoadError('RUNNER_MEMORY_MB needs Linux', { cause });
  });
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * KIBIBYTE;
  return { dataBytes: bytes('VmData'), usedBytes: bytes('RssAnon') };
}

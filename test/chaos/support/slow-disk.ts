import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const SYNCS = 'fsync,fdatasync';

/** Has every fsync of a process take so much longer, as on a disk that others wear out. @returns ends that. */
export async function slowDisk(pid: number, delayMs: number): Promise<() => Promise<void>> {
  const file: string = path.join(import.meta.dirname, '../../../scripts/lib/strace-binary.mjs');
  const { findStrace } = (await import(file)) as { findStrace: () => Promise<string> };
  const child = spawn(
    await findStrace(),
    ['-f', '-e', `trace=${SYNCS}`, '-e', `inject=${SYNCS}:delay_exit=${delayMs}ms`].concat([
      '-o',
      '/dev/null',
      '-p',
      String(pid),
    ]),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const [said] = (await once(child.stderr, 'data')) as [Buffer];
  if (!String(said).includes('attached')) throw new Error(String(said));
  child.stderr.resume();
  return async () => {
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    await ended;
  };
}

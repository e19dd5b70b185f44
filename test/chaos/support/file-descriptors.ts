import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** From now on a process opens no more files and sockets; those that it has stay. @returns ends that. */
export function withoutFileDescriptors(pid: number): () => void {
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  const before = /^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? '';
  limit(pid, '1');
  return () => {
    limit(pid, before);
  };
}

function limit(pid: number, files: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`]);
}

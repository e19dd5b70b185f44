import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessUse {
  /** MiB. */
  rssMb: number;
  /** Open files and sockets. */
  handles: number;
}

/** @returns undefined where there is no such process. */
export function useOf(pid: number): ProcessUse | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    return { rssMb: rssKb / 1024, handles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

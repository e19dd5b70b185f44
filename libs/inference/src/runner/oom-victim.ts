import { writeFile } from 'node:fs/promises';

/**
 * Where the host runs out of memory, Linux shall end this process rather than a worker or Redis. Elsewhere,
 * and where it is not allowed, nothing changes.
 */
export async function becomeOomVictim(): Promise<void> {
  await writeFile('/proc/self/oom_score_adj', '1000').catch(() => undefined);
}

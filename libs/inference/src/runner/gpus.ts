import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const ANSWER_MS = 5000;

/**
 * How many NVIDIA GPUs this process may use: what the driver has, as the kernel lists it or else
 * `nvidia-smi` (under WSL there is no such list), less what CUDA_VISIBLE_DEVICES hides.
 */
export async function countGpus(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const installed = (await listedByKernel()) || (await listedByTool());
  return visibleGpus(installed, env['CUDA_VISIBLE_DEVICES']);
}

/**
 * CUDA's own rule: the list ends at its first entry that is no device, and a process sees one slice (MIG)
 * at most.
 */
export function visibleGpus(installed: number, visibleDevices: string | undefined): number {
  if (visibleDevices === undefined) return installed;
  const entries = visibleDevices.split(',').map((entry) => entry.trim());
  if (entries[0]?.startsWith('MIG-') === true) return Math.min(1, installed);
  const end = entries.findIndex((entry) => !isDevice(entry, installed));
  return Math.min(installed, end === -1 ? entries.length : end);
}

function isDevice(entry: string, installed: number): boolean {
  return entry.startsWith('GPU-') || (/^\d+$/.test(entry) && Number(entry) < installed);
}

async function listedByKernel(): Promise<number> {
  return (await readdir('/proc/driver/nvidia/gpus').catch(() => [])).length;
}

async function listedByTool(): Promise<number> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ['-L'], { timeout: ANSWER_MS });
    return stdout.split('\n').filter((line) => /^GPU \d+:/.test(line)).length;
  } catch {
    return 0;
  }
}

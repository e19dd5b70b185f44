import { hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { unlessUnusable } from './unusable-path.js';

/** Bounds for what a looping link, or a folder that is no model's, can cost. */
const MAX_DEPTH = 8;
const MAX_ENTRIES = 10_000;

/**
 * Changes when a file below `folder` is added, removed, replaced or written: digest of the name,
 * inode, size and modification time of each. Links are followed. Names that begin with a dot are
 * passed over: they are what rsync and editors write to before they rename it, and what NFS keeps of
 * a deleted file that is still open.
 * @param others count as well, wherever they are.
 * @throws Error for trouble that may pass, such as a stale NFS handle.
 */
export async function fingerprintOf(
  folder: string,
  others: readonly string[] = [],
): Promise<string> {
  const files: string[] = [];
  await collect({ folder, files, entries: 0 }, '', 0);
  for (const file of others) files.push(await stampOf(file));
  return hash('sha256', files.join('\n'));
}

interface Walk {
  folder: string;
  files: string[];
  entries: number;
}

async function collect(walk: Walk, below: string, depth: number): Promise<void> {
  const names = await unlessUnusable(readdir(path.join(walk.folder, below)), []);
  for (const name of names.filter((n) => !n.startsWith('.')).sort()) {
    if (++walk.entries > MAX_ENTRIES) return;
    const at = path.join(below, name);
    const found = await unlessUnusable(stat(path.join(walk.folder, at), { bigint: true }), null);
    if (found?.isFile()) walk.files.push(stamp(at, found));
    else if (found?.isDirectory() && depth < MAX_DEPTH) await collect(walk, at, depth + 1);
  }
}

async function stampOf(file: string): Promise<string> {
  const found = await unlessUnusable(stat(file, { bigint: true }), null);
  return found ? stamp(file, found) : '';
}

function stamp(at: string, { ino, size, mtimeNs }: BigIntStats): string {
  return [at, ino, size, mtimeNs].join('\0');
}

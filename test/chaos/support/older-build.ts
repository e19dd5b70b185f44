import { execFileSync } from 'node:child_process';
import { cp, glob, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '../../..');
/** What there was before this suite. */
const OLDER = '9140dc8f17ab8f17fa36d87bd00b4d7f1d0672ea';

/** Builds the code of before. @returns its root, or undefined where there is no history. */
export async function olderBuild(): Promise<string | undefined> {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: ROOT,
      maxBuffer: 2 ** 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  let archive: Buffer;
  try {
    archive = git(
      'archive',
      OLDER,
      'apps',
      'libs',
      'package.json',
      'tsconfig.json',
      'tsconfig.build.json',
    );
  } catch {
    return undefined;
  }
  const root = await mkdtemp(path.join(tmpdir(), 'foretell-older-'));
  execFileSync('tar', ['-x', '-C', root], { input: archive });
  await symlink(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root });
  for await (const file of glob('{apps,libs}/**/*.lua', { cwd: root })) {
    await cp(path.join(root, file), path.join(root, 'dist', file));
  }
  return root;
}

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { alone } from './lock.mjs';
import { nodePathIn, rootDir } from './paths.mjs';
import { PlainError } from './plain-error.mjs';
import { run } from './run.mjs';

const SOURCE_DIRS = ['apps', 'libs'];
/** What the compiler makes of `x.ts`. */
const OUTPUT_SUFFIX = /(\.js|\.d\.ts)(\.map)?$/;

/**
 * Compiles apps and libs to dist/, unless no source has changed since it was last done.
 *
 * @param {string} [root]
 * @throws {PlainError} the compiler found errors (and has shown them)
 */
export async function ensureBuilt(root = rootDir) {
  if (isBuilt(root)) return;
  await alone(root, async () => {
    // Taken before compiling: a source changed meanwhile makes the next start build again.
    const before = fingerprint(root);
    if (isBuilt(root)) return;
    console.log('Building (tsc) ...');
    // A failed build leaves outputs that the old stamp does not describe.
    rmSync(stampPath(root), { force: true });
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const code = await run(nodePathIn(root), [tsc, '-p', 'tsconfig.build.json'], { cwd: root });
    if (code !== 0) throw new PlainError('the build failed: see the errors above');
    for (const dir of SOURCE_DIRS) {
      removeStale(root, dir);
      copyAssets(root, dir);
    }
    writeFileSync(stampPath(root), before);
  });
}

/** @param {string} root */
function isBuilt(root) {
  const stamp = stampPath(root);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(root);
}

/** @param {string} root */
function stampPath(root) {
  return join(root, 'dist/.built');
}

/**
 * Times and sizes rather than contents: it is taken at every start.
 *
 * @param {string} root
 */
function fingerprint(root) {
  const config = readdirSync(root).filter(
    (name) => /^tsconfig.*\.json$/.test(name) || name === 'package-lock.json',
  );
  const hash = createHash('sha256');
  for (const path of [...config, ...SOURCE_DIRS.flatMap((dir) => filesUnder(root, dir))].sort()) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest('hex');
}

/**
 * Outputs of deleted sources would still be found by imports, and in production only.
 *
 * @param {string} root
 * @param {string} dir
 */
function removeStale(root, dir) {
  for (const path of filesUnder(join(root, 'dist'), dir)) {
    const stem = path.replace(OUTPUT_SUFFIX, '');
    const sources = stem === path ? [path] : [`${stem}.ts`, path];
    if (!sources.some((source) => existsSync(join(root, source)))) rmSync(join(root, 'dist', path));
  }
}

/**
 * Copies what code loads at run time from beside itself.
 *
 * @param {string} root
 * @param {string} dir
 */
function copyAssets(root, dir) {
  for (const path of filesUnder(root, dir).filter((name) => name.endsWith('.lua'))) {
    const target = join(root, 'dist', path);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(root, path), target);
  }
}

/**
 * @param {string} root
 * @param {string} dir
 * @returns {string[]} paths relative to `root`
 */
function filesUnder(root, dir) {
  if (!existsSync(join(root, dir))) return [];
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? filesUnder(root, path) : entry.isFile() ? [path] : [];
  });
}

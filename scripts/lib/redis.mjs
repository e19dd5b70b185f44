import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KeptProcess } from './kept-process.mjs';
import { eachLine, lineWriter } from './output.mjs';
import { PlainError } from './plain-error.mjs';
import { freePort } from './ports.mjs';
import { readRedisProcess, tellRedisProcess } from './private-redis.mjs';
import { isAlive } from './process-identity.mjs';
import { askRedis } from './resp.mjs';

/** @import { ChildProcess } from 'node:child_process' */

const PORT_TRIES = 5;
const POLL_MS = 50;
/** How long a Redis whose supervisor was killed may take to follow it. */
const PREDECESSOR_MS = 15_000;
/** How long a stopping Redis may take before it is killed; what it has written to its AOF is kept by the system then. */
const STOP_MS = 10_000;

/**
 * @typedef {object} PrivateRedis
 * @property {number} port
 * @property {string} url
 * @property {(patienceMs?: number) => Promise<void>} stop
 */

/**
 * Starts a Redis of our own on loopback, with its data under `dataDir`/redis, and waits until it answers. It is restarted on
 * the same port when it dies, and ends when this process does, however that ends.
 *
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.dataDir absolute
 * @param {string} [options.durability] when its AOF is synced: `always`, before it answers, or `everysec`
 * @param {number} [options.port] a free one where none is given
 * @param {AbortSignal} [options.signal] ends the wait for its answer; stopping it stays the caller's
 * @returns {Promise<PrivateRedis>}
 * @throws {PlainError} it does not start
 */
export async function startRedis({
  binary,
  dataDir,
  durability = 'always',
  port: wantedPort,
  signal,
}) {
  const dir = join(dataDir, 'redis');
  mkdirSync(dir, { recursive: true });
  await predecessorGone(dir);
  for (let tries = 1; ; tries += 1) {
    const port = wantedPort ?? (await freePort());
    let clash = false;
    let failed = false;
    let answered = false;
    const say = lineWriter('start');
    const kept = new KeptProcess({
      name: 'redis',
      say,
      launch: () => launch({ binary, dir, durability, port, onClash: () => (clash = true) }),
      // Only a Redis that has once worked is restarted: another would fail in the same way again.
      isFinal: () => !answered && (failed = true),
    });
    kept.start();
    const url = `redis://127.0.0.1:${port}`;
    // No limit in time: loading a large AOF takes as long as it takes.
    while (!failed && !signal?.aborted && !(await answersPing(url))) await delay(POLL_MS);
    if (!failed) {
      answered = true;
      return { port, url, stop: (patienceMs = STOP_MS) => stopRedis(kept, patienceMs) };
    }
    if (!clash || wantedPort !== undefined || tries === PORT_TRIES)
      throw new PlainError('the private Redis did not start: see its lines above');
  }
}

/** @param {string} url */
async function answersPing(url) {
  const replies = await askRedis(new URL(url), [['PING']], 1_000).catch(() => []);
  return replies[0] === '+PONG';
}

/**
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.dir
 * @param {string} options.durability
 * @param {number} options.port
 * @param {() => void} options.onClash told when the port is taken
 * @returns {ChildProcess}
 */
function launch({ binary, dir, durability, port, onClash }) {
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    'protected-mode': 'yes',
    daemonize: 'no',
    dir,
    appendonly: 'yes',
    appendfsync: durability,
    save: '',
    'maxmemory-policy': 'noeviction',
    // By its older name, which Redis 6, 7, 8 and Valkey all know (now hash-max-listpack-value).
    'hash-max-ziplist-value': '1024',
    loglevel: 'warning',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // A group of its own: a Ctrl-C, or a TERM to the group, must reach it only after the apps have drained.
  const child = spawn(binary, args, {
    cwd: dir,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const write = lineWriter('redis');
  for (const stream of [child.stdout, child.stderr]) {
    eachLine(stream, (line) => {
      if (/address already in use|failed listening/i.test(line)) onClash();
      write(line);
    });
  }
  if (child.pid !== undefined) {
    tellRedisProcess(dir, child.pid, port);
    endWithUs(child, child.pid);
  }
  return child;
}

/**
 * Has `child` ended when this process is gone, even by SIGKILL: a shell waits at the other end of a pipe that only we hold.
 * A line on it says that there is nothing left to end; by then the number may be another process's.
 *
 * @param {ChildProcess} child
 * @param {number} pid
 */
function endWithUs(child, pid) {
  const script = [
    'trap "" INT TERM HUP',
    'read -r line && exit 0',
    'kill -TERM "$1"',
    'for second in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" || exit 0; sleep 1; done',
    'kill -KILL "$1"',
  ].join('\n');
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // The watcher may be gone before it is told.
  watcher.stdin.on('error', () => {});
  watcher.on('error', (error) =>
    lineWriter('start')(`redis will outlive a kill -9 of this process: ${error.message}`),
  );
  child.once('exit', () => watcher.stdin.end('gone\n'));
}

/**
 * @param {KeptProcess} kept
 * @param {number} patienceMs
 */
async function stopRedis(kept, patienceMs) {
  kept.kill('SIGTERM');
  const timer = setTimeout(() => kept.kill('SIGKILL'), Math.min(patienceMs, STOP_MS));
  await kept.exited;
  clearTimeout(timer);
}

/**
 * Two servers on one append-only file would ruin it.
 *
 * @param {string} dir
 */
async function predecessorGone(dir) {
  const before = readRedisProcess(dir);
  const deadline = Date.now() + PREDECESSOR_MS;
  while (before && isAlive(before)) {
    if (Date.now() > deadline)
      throw new PlainError(`a Redis (pid ${before.pid}) still uses ${dir}`);
    await delay(POLL_MS);
  }
}

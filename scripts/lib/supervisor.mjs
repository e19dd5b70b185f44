import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkExternalRedis } from './external-redis.mjs';
import { claim, readIdentity, release } from './lock.mjs';
import { lineWriter } from './output.mjs';
import { nodePathIn } from './paths.mjs';
import { PlainError } from './plain-error.mjs';
import { whyNotListen } from './ports.mjs';
import { isAlive } from './process-identity.mjs';
import { startApp, stopApps } from './processes.mjs';
import { readyBlock } from './ready-block.mjs';
import { findRedis } from './redis-binary.mjs';
import { startRedis } from './redis.mjs';
import { readSettings } from './settings.mjs';
import { endingSignals } from './signals.mjs';

/** @import { App, AppSpec } from './processes.mjs' */
/** @import { Settings } from './settings.mjs' */

const POLL_MS = 200;
const REMIND_MS = 30_000;
/** All is to have ended by then; the apps alone may take as long where they have much to do. */
const DRAIN_MS = 24_000;
/** A Redis that works ends within it, however late it is told. */
const REDIS_STOP_MS = 1_000;
/** How long the apps of a supervisor that was killed may take to follow it. */
const PREDECESSOR_MS = 30_000;

/**
 * Runs the apps, with a Redis of their own where REDIS_URL names none, until a signal ends it.
 *
 * @param {object} options
 * @param {string} options.root
 * @param {readonly AppSpec[]} options.apps
 * @param {string} [options.nodePath]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @returns {Promise<number>} the exit code: 0 after a signal, 1 when an app found its configuration wrong
 * @throws {PlainError} something is in the way of starting
 */
export async function supervise({
  root,
  apps: specs,
  nodePath = nodePathIn(root),
  env = process.env,
}) {
  const settings = await readSettings(root, env);
  const { host, port, dataDir, durability, redisUrl } = settings;
  const lockPath = join(dataDir, 'supervisor.lock');
  const problem = await whyStillNotListen(host, port, lockPath);
  if (problem === 'EADDRINUSE')
    throw new PlainError(
      `port ${port} on ${host} is in use already: stop what uses it, or set PORT`,
    );
  if (problem)
    throw new PlainError(`cannot listen on ${host}:${port} (${problem}): set HOST and PORT`);
  if (redisUrl) await checkExternalRedis(redisUrl);
  const binary = redisUrl ? undefined : await findRedis();
  mkdirSync(dataDir, { recursive: true });
  const holder = claim(lockPath);
  if (holder)
    throw new PlainError(
      `the data directory ${dataDir} is in use by process ${holder.pid}: stop that, or set DATA_DIR`,
    );

  const say = lineWriter('start');
  const signals = endingSignals();
  const stopping = new AbortController();
  const redis = binary
    ? startRedis({ binary, dataDir, durability, signal: stopping.signal })
    : undefined;
  /** @type {App[]} */
  const apps = [];

  /** @param {() => void} onConfigError */
  async function start(onConfigError) {
    const own = await redis;
    if (stopping.signal.aborted) return;
    const appEnv = appEnvironment(env, settings, own?.url);
    apps.push(
      ...specs.map((spec) => startApp(spec, { root, nodePath, env: appEnv, onConfigError })),
    );
    await untilReady(apps, `${settings.baseUrl}/health/ready`, stopping.signal);
    if (!stopping.signal.aborted)
      process.stdout.write(`${readyBlock(settings, apps, own?.port)}\n`);
  }

  try {
    return await new Promise((resolve, reject) => {
      void signals.first.then((name) => {
        say(`${name}: stopping`);
        resolve(0);
      });
      start(() => resolve(1)).catch(reject);
    });
  } finally {
    stopping.abort();
    const stoppedAt = Date.now();
    await stopApps(apps, signals.again);
    const leftMs = Math.max(REDIS_STOP_MS, DRAIN_MS - (Date.now() - stoppedAt));
    await redis?.then((own) => own.stop(leftMs)).catch(() => {});
    release(lockPath);
  }
}

/**
 * Its predecessor's api may hold the port while it drains, where that was killed.
 *
 * @param {string} host
 * @param {number} port
 * @param {string} lockPath
 */
async function whyStillNotListen(host, port, lockPath) {
  const before = readIdentity(lockPath);
  const patienceMs = before && !isAlive(before) ? PREDECESSOR_MS : 0;
  for (const deadline = Date.now() + patienceMs; ; await delay(POLL_MS)) {
    const problem = await whyNotListen(host, port);
    if (!problem || Date.now() >= deadline) return problem;
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {Settings} settings
 * @param {string | undefined} ownRedisUrl
 * @returns {NodeJS.ProcessEnv}
 */
function appEnvironment(env, { dataDir, port, redisUrl, allowsLoopbackWebhooks }, ownRedisUrl) {
  return {
    ...env,
    DATA_DIR: dataDir,
    PORT: String(port),
    REDIS_URL: ownRedisUrl ?? redisUrl,
    ...(allowsLoopbackWebhooks && { OUTBOUND_ALLOW: '127.0.0.0/8,::1' }),
    ...(process.stdout.isTTY && !env.LOG_PRETTY && { LOG_PRETTY: '1' }),
  };
}

/**
 * @param {readonly App[]} apps
 * @param {string} healthUrl
 * @param {AbortSignal} signal
 */
async function untilReady(apps, healthUrl, signal) {
  const say = lineWriter('start');
  for (let remindAt = Date.now() + REMIND_MS; !signal.aborted; await delay(POLL_MS)) {
    const missing = apps.filter((app) => !app.isReady()).map((app) => app.spec.name);
    if (missing.length === 0 && (await answersOk(healthUrl))) return;
    if (Date.now() < remindAt) continue;
    say(`still waiting for ${missing.join(', ') || healthUrl}`);
    remindAt = Date.now() + REMIND_MS;
  }
}

/** @param {string} url */
async function answersOk(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status === 200;
  } catch {
    return false;
  }
}

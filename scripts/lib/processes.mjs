import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { KeptProcess } from './kept-process.mjs';
import { eachLine, lineWriter } from './output.mjs';

/** An app exits with it when its configuration is wrong, having said why: starting it again would not help. */
const CONFIG_ERROR_CODE = 78;
const STOP_MS = 25_000;
/** How long the apps that stop first may keep the others from beginning: these need time to drain, too. */
const HEAD_START_MS = 10_000;

/**
 * @typedef {object} AppSpec
 * @property {string} name
 * @property {string} entry the compiled main file, relative to the root
 * @property {boolean} [stopsFirst] takes work in: it stops before those that do the work
 */

/**
 * @typedef {object} App
 * @property {AppSpec} spec
 * @property {KeptProcess} process
 * @property {() => boolean} isReady
 * @property {() => string | undefined} url where it says that it serves health and metrics
 */

/**
 * Starts an app and keeps it running.
 *
 * @param {AppSpec} spec
 * @param {object} options
 * @param {string} options.root
 * @param {string} options.nodePath
 * @param {NodeJS.ProcessEnv} options.env
 * @param {() => void} options.onConfigError
 * @returns {App}
 */
export function startApp(spec, { root, nodePath, env, onConfigError }) {
  const write = lineWriter(spec.name);
  let ready = false;
  /** @type {string | undefined} */
  let url;
  const kept = new KeptProcess({
    name: spec.name,
    say: lineWriter('start'),
    isFinal: (code) => {
      if (code === CONFIG_ERROR_CODE) onConfigError();
      return code === CONFIG_ERROR_CODE;
    },
    launch: () => {
      ready = false;
      // The channel is more than messages: an app exits when it breaks, so none outlives us.
      const child = spawn(nodePath, ['--enable-source-maps', spec.entry], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      eachLine(child.stdout, write);
      eachLine(child.stderr, write);
      child.on('message', (/** @type {{ type?: string, url?: string } | null} */ message) => {
        if (message?.type !== 'ready') return;
        ready = true;
        url = message.url;
      });
      child.once('exit', () => (ready = false));
      return child;
    },
  });
  kept.start();
  return { spec, process: kept, isReady: () => ready, url: () => url };
}

/**
 * Stops the apps: those that take work in first, then the others together. What still runs after 25 s, or at `killNow`, is killed.
 *
 * @param {readonly App[]} apps
 * @param {Promise<void>} killNow
 */
export async function stopApps(apps, killNow) {
  const say = lineWriter('start');
  const startedAt = Date.now();
  // An app that leaves on a Ctrl-C of its own, before its turn, must not be restarted.
  for (const { process } of apps) process.retire();
  for (const first of [true, false]) {
    const group = apps.filter(({ spec }) => Boolean(spec.stopsFirst) === first);
    for (const { process } of group) process.kill('SIGTERM');
    const exited = Promise.all((first ? group : apps).map(({ process }) => process.exited));
    const patienceMs = first ? HEAD_START_MS : STOP_MS - (Date.now() - startedAt);
    await Promise.race([exited, delay(patienceMs), killNow]);
  }
  for (const { process } of apps.filter((app) => app.process.isRunning)) {
    say(`${process.name} has not stopped: killing it`);
    process.kill('SIGKILL');
  }
  await Promise.all(apps.map(({ process }) => process.exited));
}

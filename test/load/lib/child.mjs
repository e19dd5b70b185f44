import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../../../scripts/lib/plain-error.mjs';

/** @import { ChildProcess } from 'node:child_process' */

const STOP_MS = 25_000;
const READY_MS = 120_000;
const LAST_LINES = 15;

/** Ends a process group when the pipe to this shell breaks: its starter was killed. A line says there is nothing left to end. */
const GUARD = [
  'trap "" INT TERM HUP',
  'read -r line && exit 0',
  'kill -TERM "-$1"',
  'sleep 5',
  'kill -KILL "-$1"',
].join('\n');

/** @type {Set<Child>} */
const running = new Set();
let isEnding = false;

/** A process of our own, in a process group of its own, its output in a file. */
export class Child {
  #process;
  #logPath;
  #exited;

  /**
   * @param {string} name
   * @param {string} command
   * @param {readonly string[]} args
   * @param {object} options
   * @param {string} options.dir where its log goes
   * @param {NodeJS.ProcessEnv} [options.env] all of its environment
   * @param {string} [options.cwd]
   * @param {boolean} [options.talks] has an IPC channel; the default
   */
  constructor(name, command, args, { dir, env, cwd, talks = true }) {
    if (isEnding) throw new PlainError('everything is being stopped');
    this.name = name;
    this.#logPath = join(dir, `${name}.log`);
    const log = openSync(this.#logPath, 'a');
    /** @type {ChildProcess} */
    this.#process = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      detached: true,
      serialization: 'advanced',
      stdio: ['ignore', log, log, ...(talks ? /** @type {const} */ (['ipc']) : [])],
    });
    closeSync(log);
    this.#exited = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(error.message));
      this.#process.once('exit', (code, signal) => resolve(`ended with ${code ?? signal}`));
    });
    running.add(this);
    void this.#exited.then(() => running.delete(this));
    this.#guard();
  }

  get pid() {
    return this.#process.pid ?? 0;
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#process.kill(signal);
  }

  /**
   * @param {() => Promise<T | undefined>} attempt tried until it gives something
   * @template T
   * @returns {Promise<T>}
   * @throws {PlainError} the process ended or two minutes passed before that
   */
  async until(attempt) {
    const deadline = Date.now() + READY_MS;
    let end = '';
    void this.#exited.then((how) => (end = how));
    for (;;) {
      const found = await attempt();
      if (found !== undefined) return found;
      if (end) throw new PlainError(`${this.name} ${end}:\n${this.lastLines()}`);
      if (Date.now() > deadline)
        throw new PlainError(`${this.name} is not ready after ${READY_MS / 1000} s`);
      await delay(50);
    }
  }

  /**
   * Sends a message and resolves to the next one that comes back.
   *
   * @param {unknown} [message] absent: only waits
   * @param {number} [limitMs]
   * @returns {Promise<any>}
   * @throws {PlainError} the process ends, or says nothing in time, or answers with an `error`
   */
  async ask(message, limitMs = READY_MS) {
    const timeout = new AbortController();
    const answer = once(this.#process, 'message', { signal: timeout.signal }).then(([a]) => a);
    if (message !== undefined) this.#process.send(/** @type {any} */ (message));
    try {
      const first = await Promise.race([
        answer,
        this.#exited.then((how) => ({ error: `${how}:\n${this.lastLines()}` })),
        delay(limitMs, { error: `has said nothing for ${limitMs} ms` }, { signal: timeout.signal }),
      ]);
      if (first?.error) throw new PlainError(`${this.name} ${first.error}`);
      return first;
    } finally {
      answer.catch(() => {});
      timeout.abort();
    }
  }

  lastLines() {
    return readFileSync(this.#logPath, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  }

  async stop() {
    if (!running.has(this)) return;
    // A stopped process does not hear the signal that ends it.
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const kill = setTimeout(() => {
      try {
        process.kill(-this.pid, 'SIGKILL');
      } catch {
        // It has ended just now.
      }
    }, STOP_MS);
    await this.#exited;
    clearTimeout(kill);
  }

  #guard() {
    if (!this.#process.pid) return;
    const guard = spawn('/bin/sh', ['-c', GUARD, 'sh', String(this.#process.pid)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // It may be gone before it is told.
    guard.stdin.on('error', () => {});
    guard.on('error', () => {});
    void this.#exited.then(() => guard.stdin.end('gone\n'));
  }
}

/** Ends what still runs, the youngest first: what was started first, others need. */
export async function stopAll() {
  isEnding = true;
  for (const child of [...running].reverse()) await child.stop();
}

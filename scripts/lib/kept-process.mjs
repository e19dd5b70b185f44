import { setTimeout as delay } from 'node:timers/promises';

/** @import { ChildProcess } from 'node:child_process' */

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** A process that lived this long did not fail to start: the next restart is a quick one again. */
const HEALTHY_AFTER_MS = 10_000;
/** How long the last lines of an exited process may take to arrive. */
const LAST_WORDS_MS = 500;

/**
 * @typedef {object} Keeping
 * @property {string} name
 * @property {() => ChildProcess} launch
 * @property {(line: string) => void} say
 * @property {(code: number | null) => boolean} [isFinal] whether an exit must not be followed by a restart; told once
 */

/** Keeps one process running: an exit nobody asked for is followed by a restart, ever later while it keeps failing. */
export class KeptProcess {
  /** @type {ChildProcess | undefined} */
  #child;
  /** @type {Promise<void>} */
  #exited = Promise.resolve();
  #retired = false;
  #backoffMs = FIRST_BACKOFF_MS;
  /** @type {NodeJS.Timeout | undefined} */
  #restart;
  #keeping;

  /** @param {Keeping} keeping */
  constructor(keeping) {
    this.#keeping = keeping;
  }

  get name() {
    return this.#keeping.name;
  }

  get isRunning() {
    return this.#child !== undefined;
  }

  start() {
    if (this.#retired || this.#child) return;
    const startedAt = Date.now();
    const child = this.#keeping.launch();
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        // Only a failure to start has no 'exit' to follow it.
        if (child.pid !== undefined) return;
        this.#keeping.say(error.message);
        this.#left(startedAt, null, null);
        resolve();
      });
      child.once('exit', (code, signal) => {
        this.#left(startedAt, code, signal);
        // Not 'close' alone: a grandchild may hold the pipes open.
        void Promise.race([
          new Promise((closed) => child.once('close', closed)),
          delay(LAST_WORDS_MS),
        ]).then(() => resolve());
      });
    });
    if (child.pid !== undefined) this.#keeping.say(`${this.name} started (pid ${child.pid})`);
  }

  /** From here on an exit is final. */
  retire() {
    this.#retired = true;
    clearTimeout(this.#restart);
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    this.retire();
    this.#child?.kill(signal);
  }

  /** Settles when the process that runs now, if any, has exited and its output is read. */
  get exited() {
    return this.#exited;
  }

  /**
   * @param {number} startedAt
   * @param {number | null} code
   * @param {NodeJS.Signals | null} signal
   */
  #left(startedAt, code, signal) {
    this.#child = undefined;
    if (this.#retired || this.#keeping.isFinal?.(code)) return;
    const uptimeMs = Date.now() - startedAt;
    if (uptimeMs >= HEALTHY_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(2 * waitMs, MAX_BACKOFF_MS);
    const how = signal
      ? `was ended by ${signal}`
      : code === null
        ? 'could not be started'
        : `exited with code ${code}`;
    this.#keeping.say(
      `${this.name} ${how} after ${(uptimeMs / 1000).toFixed(1)} s; restarting in ${waitMs / 1000} s`,
    );
    this.#restart = setTimeout(() => this.start(), waitMs);
  }
}

import { nodePath } from '../../../scripts/lib/install.mjs';
import { Child } from './child.mjs';

/**
 * @typedef {object} Seen
 * @property {number} came callbacks to the good receiver so far
 * @property {number} held callbacks that the hanging one keeps waiting
 * @property {number} letGo those that it has answered so far
 * @property {number[]} lags where they were asked for: ms from the end of a job until its callback came
 */

/** The bench's end of the receivers' process. */
export class Receivers {
  #child;

  /** @param {string} dir */
  constructor(dir) {
    const script = new URL('receivers.process.mjs', import.meta.url).pathname;
    this.#child = new Child('receivers', nodePath, [script], { dir });
  }

  /** @returns {Promise<{ good: string, hanging: string }>} their URLs, once */
  urls() {
    return this.#child.ask();
  }

  /**
   * @param {'look' | 'hold' | 'let go' | 'take lags'} [wish] `hold`: the hanging one answers nothing from now on; `let go`:
   *   it answers all it holds and whatever comes; `take lags`: those since they were taken last
   * @returns {Promise<Seen>}
   */
  see(wish = 'look') {
    return this.#child.ask(wish);
  }

  stop() {
    return this.#child.stop();
  }
}

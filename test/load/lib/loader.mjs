import { nodePath } from '../../../scripts/lib/install.mjs';
import { Child } from './child.mjs';

/** @import { Burst, BurstRequest } from './burst.mjs' */
/** @import { Latency, LatencyRequest } from './latency.mjs' */
/** @import { SteadyRequest } from './steady.mjs' */

const LIMIT_MS = 600_000;

/** The bench's end of a load generator's process. */
export class Loader {
  #child;

  /** @param {string} dir */
  constructor(dir) {
    const script = new URL('load.process.mjs', import.meta.url).pathname;
    this.#child = new Child('load', nodePath, [script], { dir });
  }

  get pid() {
    return this.#child.pid;
  }

  /**
   * @param {BurstRequest} request
   * @returns {Promise<Burst>}
   */
  burst(request) {
    return this.#child.ask({ type: 'burst', ...request }, LIMIT_MS);
  }

  /**
   * @param {LatencyRequest} request
   * @returns {Promise<Latency>}
   */
  latency(request) {
    return this.#child.ask({ type: 'latency', ...request }, LIMIT_MS);
  }

  /**
   * @param {SteadyRequest} request
   * @returns {Promise<number>} accepted
   */
  async steady(request) {
    return (await this.#child.ask({ type: 'steady', ...request }, LIMIT_MS)).accepted;
  }

  stop() {
    return this.#child.stop();
  }
}

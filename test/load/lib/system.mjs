/** @import { Named } from './proc.mjs' */

/**
 * Something that takes predictions, running.
 *
 * @typedef {object} System
 * @property {string} name
 * @property {string} url
 * @property {{ single: string, batch: string }} paths that take one row and many
 * @property {() => Promise<number>} [ended] jobs whose result was published so far; absent where the answer is the result
 * @property {() => Promise<number>} [loopDelayP99Ms] of its worker, since it was last asked
 * @property {readonly Named[]} processes whose cost is its cost
 * @property {() => Promise<void>} stop
 */

export {};

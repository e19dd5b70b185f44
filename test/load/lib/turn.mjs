/** @import { Loader } from './loader.mjs' */
/** @import { ProcessUse } from './proc.mjs' */
/** @import { System } from './system.mjs' */

/**
 * One system measured once.
 *
 * @typedef {object} Turn
 * @property {Loader} loader
 * @property {System} system
 * @property {(metric: string, value: number) => void} record
 * @property {(use: readonly ProcessUse[]) => void} recordUse
 * @property {Pace} pace
 */

/**
 * How long things take.
 *
 * @typedef {object} Pace
 * @property {number} seconds of a measured burst, about
 * @property {number} warmUpSeconds of one before it
 */

export {};

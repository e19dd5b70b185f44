import { parseArgs } from 'node:util';
import { PlainError } from '../../../scripts/lib/plain-error.mjs';

/** @import { Pace } from './turn.mjs' */

/** (f) comes with (b), and both with (a). */
const PARTS = /** @type {const} */ (['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k']);
export const SYSTEMS = /** @type {const} */ (['floor', 'peer', 'plain', 'plain-tuned', 'foretell']);

export const USAGE = `npm run bench -- [options]
  --only a,b,…         parts: ${PARTS.join(', ')} (a, b and f are measured together)
  --systems floor,…    of ${SYSTEMS.join(', ')}
  --repetitions N      5 (with --quick 2)
  --seconds N          of a measured burst: 8 (with --quick 2)
  --backlog N          jobs of part g: 100000 (with --quick 20000)
  --quick              a look, not a measurement
  --assert             exit with 1 when a target is missed
  --out FILE           the JSON; .foretell/bench/<time>.json
  --keep               do not remove the folder with the logs`;

/**
 * @typedef {object} Options
 * @property {ReadonlySet<string>} parts
 * @property {ReadonlySet<string>} systems
 * @property {number} repetitions
 * @property {Pace} pace
 * @property {number} backlog
 * @property {boolean} quick
 * @property {boolean} assert
 * @property {boolean} keep
 * @property {boolean} help
 * @property {string | undefined} out
 */

/**
 * @param {string[]} args
 * @returns {Options}
 * @throws {PlainError} an option that does not exist, or a value that cannot be
 */
export function readOptions(args) {
  const values = parse(args);
  const quick = values.quick ?? false;
  const seconds = wholeNumber('seconds', values.seconds, quick ? 2 : 8);
  return {
    parts: chosen('only', values.only, PARTS),
    systems: chosen('systems', values.systems, SYSTEMS),
    repetitions: wholeNumber('repetitions', values.repetitions, quick ? 2 : 5),
    pace: { seconds, warmUpSeconds: Math.ceil(seconds / 3) },
    backlog: wholeNumber('backlog', values.backlog, quick ? 20_000 : 100_000),
    quick,
    assert: values.assert ?? false,
    keep: values.keep ?? false,
    help: values.help ?? false,
    out: values.out,
  };
}

/** @param {string[]} args */
function parse(args) {
  /** @type {{ type: 'string' }} */
  const text = { type: 'string' };
  /** @type {{ type: 'boolean' }} */
  const flag = { type: 'boolean' };
  try {
    return parseArgs({
      args,
      options: {
        only: text,
        systems: text,
        repetitions: text,
        seconds: text,
        backlog: text,
        out: text,
        quick: flag,
        assert: flag,
        keep: flag,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new PlainError(`${/** @type {Error} */ (error).message}\n${USAGE}`);
  }
}

/**
 * @param {string} name
 * @param {string | undefined} list
 * @param {readonly string[]} all
 */
function chosen(name, list, all) {
  const names = list?.split(',') ?? all;
  const unknown = names.find((value) => !all.includes(value));
  if (unknown !== undefined)
    throw new PlainError(`--${name}: there is no "${unknown}"; of ${all.join(', ')}`);
  return new Set(names);
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {number} byDefault
 */
function wholeNumber(name, text, byDefault) {
  const value = text === undefined ? byDefault : Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new PlainError(`--${name} must be a whole number from 1, not "${text}"`);
  return value;
}

import { createInterface } from 'node:readline';

/** @import { Readable } from 'node:stream' */

const NAME_WIDTH = 8;
const COLOURS = { api: 36, worker: 35, courier: 33, redis: 31, start: 32 };
const coloured = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;

// A closed terminal or pipe must not end the supervisor before it has stopped what it started.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

/**
 * @param {string} name
 * @returns {(line: string) => void} writes one line under that name
 */
export function lineWriter(name) {
  const padded = name.padEnd(NAME_WIDTH);
  const colour = COLOURS[/** @type {keyof typeof COLOURS} */ (name)] ?? 34;
  const prefix = coloured ? `\u001b[${colour}m${padded}|\u001b[0m ` : `${padded}| `;
  return (line) => void process.stdout.write(`${prefix}${line}\n`);
}

/**
 * @param {Readable | null} stream
 * @param {(line: string) => void} write
 */
export function eachLine(stream, write) {
  if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', write);
}

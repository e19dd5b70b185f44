/** The single requests' rows: distinct, in the model's range, always the same ones. */
const ROWS = 64;
/** Of a request with many rows. */
export const BATCH_ROWS = 1000;

/**
 * @param {number} seed
 * @returns {number[]} the four measurements of a flower, in cm
 */
function row(seed) {
  /** @param {number} low @param {number} high @param {number} step */
  const between = (low, high, step) =>
    Number((low + (((seed * step) % 97) / 97) * (high - low)).toFixed(1));
  return [between(4.3, 7.9, 13), between(2, 4.4, 29), between(1, 6.9, 41), between(0.1, 2.5, 61)];
}

/**
 * @param {{ url: string, events: string[] }} [webhook]
 * @returns {string[]} bodies of one row each
 */
export function singleBodies(webhook) {
  return Array.from({ length: ROWS }, (_, i) => JSON.stringify({ input: row(i), webhook }));
}

/** @returns {string[]} bodies of 1000 rows each */
export function batchBodies() {
  return [0, 1, 2, 3].map((start) =>
    JSON.stringify({ inputs: Array.from({ length: BATCH_ROWS }, (_, i) => row(start + i)) }),
  );
}

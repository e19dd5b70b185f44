/** @import { Results } from './results.mjs' */

/**
 * @typedef {object} Target
 * @property {string} part
 * @property {string} text
 * @property {(results: Results) => number} value
 * @property {number} [atLeast]
 * @property {number} [atMost]
 */

/**
 * @param {string} metric
 * @param {string} than
 */
function ratio(metric, than) {
  /** @param {Results} results */
  return (results) => results.median('foretell', metric) / results.median(than, metric);
}

/**
 * @param {string} metric
 */
function own(metric) {
  /** @param {Results} results */
  return (results) => results.median('foretell', metric);
}

/** @type {readonly Target[]} */
const TARGETS = [
  { part: 'a', text: 'accepts/s ÷ floor', value: ratio('accepts_per_s', 'floor'), atLeast: 0.7 },
  { part: 'a', text: 'accepts/s ÷ peer', value: ratio('accepts_per_s', 'peer'), atLeast: 10 },
  { part: 'b', text: 'jobs/s ÷ floor', value: ratio('jobs_per_s', 'floor'), atLeast: 0.7 },
  { part: 'b', text: 'jobs/s ÷ peer', value: ratio('jobs_per_s', 'peer'), atLeast: 10 },
  {
    part: 'c',
    text: 'rows/s ÷ plain FastAPI',
    value: ratio('batch_rows_per_s', 'plain'),
    atLeast: 5,
  },
  { part: 'd', text: 'latency p50, ms', value: own('latency_p50_ms'), atMost: 5 },
  {
    part: 'e',
    text: 'jobs/s ÷ best rows/s of the session',
    value: own('heavy_efficiency'),
    atLeast: 0.9,
  },
  {
    part: 'g',
    text: 'accepts/s, backlog ÷ empty queue',
    value: own('backlog_accepts_ratio'),
    atLeast: 0.9,
  },
  {
    part: 'g',
    text: 'drain rate, backlog ÷ empty queue',
    value: own('backlog_drain_ratio'),
    atLeast: 0.9,
  },
  {
    part: 'h',
    text: 'jobs/s, a receiver hangs ÷ none does',
    value: own('hanging_jobs_ratio'),
    atLeast: 0.95,
  },
  {
    part: 'h',
    text: "another's lag p99, one hangs − 2 × none does, ms",
    value: own('hanging_lag_excess_ms'),
    atMost: 5,
  },
  {
    part: 'i',
    text: "another key's p99, in a flood ÷ before",
    value: own('flood_p99_ratio'),
    atMost: 2,
  },
  {
    part: 'j',
    text: 'jobs/s, with a shadow ÷ without',
    value: own('shadow_jobs_per_s_ratio'),
    atLeast: 0.98,
  },
  {
    part: 'j',
    text: 'p50 at a steady rate, with a shadow ÷ without',
    value: own('shadow_p50_ms_ratio'),
    atMost: 1.02,
  },
  {
    part: 'k',
    text: 'tokens/s of a large model, 8 requests at a time ÷ one after the other',
    value: own('wide_tokens_per_s_of_8_ratio'),
    atLeast: 3,
  },
];

/**
 * @param {Results} results
 * @returns those of the targets that this run can judge
 */
export function judge(results) {
  return TARGETS.map(({ part, text, value, atLeast, atMost }) => {
    const reached = value(results);
    return {
      part,
      text,
      value: reached,
      target: atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`,
      met: atMost === undefined ? reached >= (atLeast ?? 0) : reached <= atMost,
    };
  }).filter((verdict) => !Number.isNaN(verdict.value));
}

import { SYSTEMS } from './options.mjs';

/** @import { Results } from './results.mjs' */
/** @import { judge } from './targets.mjs' */

/** @type {readonly [part: string, text: string, metric: string][]} */
const ROWS = [
  ['a', 'accepted submissions/s', 'accepts_per_s'],
  ['', '  time of an answer p50, ms', 'accept_p50_ms'],
  ['', '  time of an answer p99, ms', 'accept_p99_ms'],
  ['', '  refused', 'refused'],
  ['b', 'jobs/s until published', 'jobs_per_s'],
  ['', '  CPU a job, µs', 'cpu_us_per_job'],
  ['', '  load generator, cores', 'load_cores'],
  ['', '  worker event-loop delay p99, ms', 'worker_loop_delay_p99_ms'],
  ['c', 'rows/s, 1000 a request', 'batch_rows_per_s'],
  ['', '  input, MB/s', 'batch_input_mb_per_s'],
  ['', '  refused', 'batch_refused'],
  ['', '  load generator, cores', 'batch_load_cores'],
  ['d', 'latency p50, ms', 'latency_p50_ms'],
  ['', '  p99', 'latency_p99_ms'],
  ['', '  polls a job', 'latency_polls'],
  ['', "  the job's own total_ms, p50", 'latency_total_ms_p50'],
  ['', '  with Prefer: wait, p50', 'latency_wait_p50_ms'],
  ['', '  with Prefer: wait, p99', 'latency_wait_p99_ms'],
  ['e', 'heavy model, jobs/s of a backlog', 'heavy_jobs_per_s'],
  ['', '  session alone, best rows/s', 'heavy_session_rows_per_s'],
  ['', '  threads of the session', 'heavy_threads'],
  ['', '  share', 'heavy_efficiency'],
  ['', '  jobs/s from submission on', 'heavy_jobs_per_s_with_submission'],
  ['', '  share', 'heavy_efficiency_with_submission'],
  ['g', 'backlog, jobs', 'backlog_jobs'],
  ['', '  accepts/s, empty queue', 'empty_accepts_per_s'],
  ['', '  accepts/s, behind the backlog', 'backlog_accepts_per_s'],
  ['', '  drained jobs/s, short queue', 'empty_drain_per_s'],
  ['', '  drained jobs/s, backlog at its longest', 'backlog_drain_per_s'],
  ['', '  drained jobs/s, all of it', 'backlog_drain_all_per_s'],
  ['h', 'callbacks/s, to one receiver', 'callbacks_per_s'],
  ['', '  courier, µs a callback', 'callback_courier_us'],
  ['', '  jobs/s, without callbacks', 'quiet_jobs_per_s'],
  ['', '  jobs/s, with one each', 'callback_jobs_per_s'],
  ['', '  jobs/s without, while a receiver hangs', 'hanging_jobs_per_s'],
  ['', '  lag of a callback p50, ms', 'quiet_lag_p50_ms'],
  ['', '  p99', 'quiet_lag_p99_ms'],
  ['', '  p50, while another receiver hangs', 'hanging_lag_p50_ms'],
  ['', '  p99', 'hanging_lag_p99_ms'],
  ['', '  p99, ÷ when none hangs', 'hanging_lag_ratio'],
  ['i', 'capacity, jobs/s', 'flood_capacity_per_s'],
  ['', '  flood of one key, requests/s', 'flood_sent_per_s'],
  ['', '  accepted of it/s', 'flood_accepted_per_s'],
  ['', '  another key before, p50, ms', 'flood_quiet_p50_ms'],
  ['', '  before, p99', 'flood_quiet_p99_ms'],
  ['', '  meanwhile, p50', 'flood_flooded_p50_ms'],
  ['', '  meanwhile, p99', 'flood_flooded_p99_ms'],
  ['j', 'jobs/s, without a shadow', 'unshadowed_jobs_per_s'],
  ['', '  with one', 'shadowed_jobs_per_s'],
  ['', '  time to the result at a steady rate p50, ms', 'unshadowed_p50_ms'],
  ['', '  with a shadow', 'shadowed_p50_ms'],
  ['', '  p99', 'unshadowed_p99_ms'],
  ['', '  with a shadow', 'shadowed_p99_ms'],
  ['', '  jobs that were compared then, share', 'shadow_compared_share'],
  ['k', 'large model, tokens/s, one request after the other', 'wide_tokens_per_s_alone'],
  ['', '  8 at a time', 'wide_tokens_per_s_of_8'],
  ['', '  32 at a time', 'wide_tokens_per_s_of_32'],
  ['', 'small model, tokens/s, one request after the other', 'tokens_per_s_alone'],
  ['', '  8 at a time', 'tokens_per_s_of_8'],
  ['', '    ÷ one after the other', 'tokens_per_s_of_8_ratio'],
  ['', '  32 at a time', 'tokens_per_s_of_32'],
  ['', '  time to the first text p50, ms', 'first_text_p50_ms'],
  ['', '  while 8 others generate', 'busy_first_text_p50_ms'],
];

/**
 * @param {Results} results
 * @returns {string} medians, a column a system
 */
export function figuresTable(results) {
  const systems = SYSTEMS.filter((system) =>
    ROWS.some(([, , metric]) => results.all(system, metric).length > 0),
  );
  const rows = ROWS.filter(([, , metric]) =>
    systems.some((system) => results.all(system, metric).length > 0),
  ).map(([part, text, metric]) => [
    part,
    text,
    ...systems.map((system) => shown(results.median(system, metric))),
  ]);
  return table([['', 'medians', ...systems], ...rows]);
}

/**
 * @param {Results} results
 * @returns {string} (f)
 */
export function usesTable(results) {
  const rows = results.uses().flatMap(({ system, uses }) => {
    const isQueued = results.all(system, 'jobs_per_s').length > 0;
    const jobsPerS = results.median(system, isQueued ? 'jobs_per_s' : 'accepts_per_s');
    return uses.map(({ name, count, cpu_cores, peak_rss_mb }) => [
      'f',
      `${system}, ${name}${count > 1 ? ` × ${count}` : ''}`,
      cpu_cores.toFixed(2),
      shown((cpu_cores / jobsPerS) * 1e6),
      shown(peak_rss_mb),
    ]);
  });
  return table([['', 'processes during (b)', 'cores', 'µs a job', 'peak MiB'], ...rows]);
}

/**
 * @param {ReturnType<typeof judge>} verdicts
 * @returns {string}
 */
export function targetsTable(verdicts) {
  return table([
    ['', 'targets', 'value', 'target', ''],
    ...verdicts.map(({ part, text, value, target, met }) => [
      part,
      text,
      value.toFixed(2),
      target,
      met ? 'met' : 'MISSED',
    ]),
  ]);
}

/** @param {number} value */
function shown(value) {
  if (Number.isNaN(value)) return '';
  if (value >= 100) return Math.round(value).toLocaleString('en-GB');
  return String(Number(value.toFixed(value >= 10 ? 1 : 2)));
}

/** @param {readonly (readonly string[])[]} rows the first one is the head */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

import { median } from './numbers.mjs';

/** @import { ProcessUse } from './proc.mjs' */

/** All figures of a run, by system and metric, one a repetition. */
export class Results {
  /** @type {Record<string, Record<string, number[]>>} */
  #figures = {};
  /** @type {Record<string, Record<string, ProcessUse[]>>} */
  #uses = {};
  /** @type {{ turn: string, message: string }[]} */
  errors = [];

  /**
   * @param {string} system
   * @param {string} metric
   * @param {number} value
   */
  record(system, metric, value) {
    const metrics = (this.#figures[system] ??= {});
    (metrics[metric] ??= []).push(value);
  }

  /**
   * @param {string} system
   * @param {readonly ProcessUse[]} uses
   */
  recordUse(system, uses) {
    const processes = (this.#uses[system] ??= {});
    for (const use of uses) (processes[use.name] ??= []).push(use);
  }

  /**
   * @param {string} system
   * @param {string} metric
   * @returns {number} NaN where it was not measured
   */
  median(system, metric) {
    return median(this.all(system, metric));
  }

  /**
   * @param {string} system
   * @param {string} metric
   * @returns {readonly number[]} in the order of the repetitions
   */
  all(system, metric) {
    return this.#figures[system]?.[metric] ?? [];
  }

  /** @returns {{ system: string, uses: ProcessUse[] }[]} medians */
  uses() {
    return Object.entries(this.#uses).map(([system, processes]) => ({
      system,
      uses: Object.entries(processes).map(([name, uses]) => ({
        name,
        count: median(uses.map(({ count }) => count)),
        cpu_cores: median(uses.map(({ cpu_cores }) => cpu_cores)),
        peak_rss_mb: median(uses.map(({ peak_rss_mb }) => peak_rss_mb)),
      })),
    }));
  }

  /** All that was measured, for the JSON. */
  toJSON() {
    /** @type {Record<string, Record<string, { median: number, repetitions: readonly number[] }>>} */
    const figures = {};
    for (const [system, metrics] of Object.entries(this.#figures)) {
      figures[system] = Object.fromEntries(
        Object.entries(metrics).map(([metric, values]) => [
          metric,
          { median: median(values), repetitions: values },
        ]),
      );
    }
    return { figures, processes: this.#uses, errors: this.errors };
  }
}

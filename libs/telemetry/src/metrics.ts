import { collectDefaultMetrics, Counter, Registry } from 'prom-client';

/** The registry of this process, with Node's own figures (event-loop delay, memory, CPU) in it. */
export function createRegistry(app: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Buckets for durations from a tenth of a millisecond to a minute, in seconds. */
export const DURATION_BUCKETS_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30, 60,
];

/** Buckets for what may wait in a queue: from a millisecond to an hour, in seconds. */
export const JOB_BUCKETS_S = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600,
];

/** Counted by the api and the worker alike: what became of jobs to models that keep results. */
export function cacheCounter(registry: Registry): Counter<'model' | 'version' | 'outcome'> {
  return new Counter({
    name: 'foretell_cache_requests_total',
    help: 'Jobs to models that keep results, by what became of that',
    labelNames: ['model', 'version', 'outcome'],
    registers: [registry],
  });
}

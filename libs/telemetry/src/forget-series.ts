import type { Registry } from 'prom-client';

/** Node's own metrics have no models, and asking some of them begins their next window. */
const OURS = 'foretell_';

/**
 * Removes the series of models and versions that are there no more, so that a process which outlives many
 * of them does not tell of all. What has no label `model` stays; what has no label `version` stays while
 * its model does.
 * @param isThere asked of a model, and of a version of it where the series has one.
 */
export async function forgetSeries(
  registry: Registry,
  isThere: (model: string, version?: string) => boolean,
): Promise<void> {
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  for (const name of names.filter((n) => n.startsWith(OURS))) {
    const metric = registry.getSingleMetric(name);
    const { values } = (await metric?.get()) ?? { values: [] };
    for (const { labels } of values) {
      const { model, version, ...others } = labels as Record<string, string>;
      if (model === undefined || isThere(model, version)) continue;
      // A bucket's bound is no label of the series.
      delete others['le'];
      metric?.remove({ model, ...(version === undefined ? {} : { version }), ...others });
    }
  }
}

import { beforeEach, describe, expect, it } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { forgetSeries } from './forget-series.js';

const labelNames = ['model', 'version'];

describe('forgetSeries', () => {
  let registry: Registry;

  beforeEach(() => {
    registry = new Registry();
    registry.setDefaultLabels({ app: 'test' });
    const registers = [registry];
    const jobs = new Counter({ name: 'foretell_jobs', help: 'j', labelNames, registers });
    const times = new Histogram({
      ...{ name: 'foretell_seconds', help: 's', labelNames, registers },
      buckets: [1, 2],
    });
    const depth = new Gauge({
      name: 'foretell_depth',
      help: 'd',
      labelNames: ['model'],
      registers,
    });
    const other = new Gauge({ name: 'foretell_other', help: 'o', labelNames: ['code'], registers });
    other.set({ code: 'x' }, 1);
    for (const model of ['iris', 'wine']) {
      depth.set({ model }, 1);
      for (const version of ['1', '2']) {
        jobs.inc({ model, version });
        times.observe({ model, version }, 1);
      }
    }
  });

  async function series(): Promise<string[]> {
    const lines = (await registry.metrics()).split('\n');
    return lines.filter((line) => line !== '' && !line.startsWith('#'));
  }

  it('removes those of a version, in every metric that has versions', async () => {
    const before = await series();
    await forgetSeries(registry, (model, version) => model !== 'iris' || version !== '1');
    const gone = before.filter((line) => line.includes('model="iris",version="1"'));
    expect(gone).not.toHaveLength(0);
    expect(await series()).toEqual(before.filter((line) => !gone.includes(line)));
  });

  it('removes those of a model, whether they have versions or not', async () => {
    const before = await series();
    await forgetSeries(registry, (model) => model === 'iris');
    expect(await series()).toEqual(before.filter((line) => !line.includes('wine')));
  });

  it('never asks metrics of Node, whose windows would end with that', async () => {
    let asked = false;
    new Gauge({
      ...{ name: 'nodejs_lag', help: 'l', registers: [registry] },
      collect: () => {
        asked = true;
      },
    });
    await forgetSeries(registry, () => false);
    expect(asked).toBe(false);
  });
});

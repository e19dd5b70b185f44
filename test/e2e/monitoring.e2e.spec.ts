import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort } from '#libs/testing';
import type { DeliveryView } from '#libs/contracts';
import type { Client } from './support/client.js';
import { filledIn, queriesOf, readDashboards } from './support/dashboards.js';
import { Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { Prometheus, type PrometheusBinaries, promtool } from './support/prometheus.js';
import { Receiver } from './support/receiver.js';

const root = join(import.meta.dirname, '../..');
const monitoring = join(root, 'deploy/monitoring');
const KEYS = 'caller:caller-key-1234,prometheus:prometheus-key-1:read';
const IRIS = { input: [5.1, 3.5, 1.4, 0.2] };

/** Metrics that nothing here moves, and why. */
const QUIET: Record<string, string> = {
  foretell_rollouts_total: 'no model has a rollout',
  foretell_shadow_jobs_total: 'no model has a shadow',
  foretell_job_retries_total: 'no attempt fails with what may pass',
};

interface ScrapeConfig {
  job_name: string;
  authorization?: { credentials_file: string };
  dns_sd_configs?: unknown;
  static_configs?: { targets: string[] }[];
}

interface PrometheusConfig {
  global: Record<string, string>;
  scrape_configs: ScrapeConfig[];
}

const dashboards = readDashboards(join(monitoring, 'grafana/dashboards'));
const rules = (
  parse(readFileSync(join(monitoring, 'rules/foretell.yml'), 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  }
).groups.flatMap((group) => group.rules);

function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/foretell_\w+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ''),
  );
}

describe('dashboards', () => {
  it('are provisioned with the data source that their panels ask', () => {
    const { datasources } = parse(
      readFileSync(join(monitoring, 'grafana/provisioning/datasources/prometheus.yml'), 'utf8'),
    ) as { datasources: { uid: string }[] };
    const uids = dashboards
      .flatMap(({ panels }) => panels)
      .flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((t) => t.datasource)])
      .flatMap((datasource) => datasource?.uid ?? []);
    expect(datasources.map(({ uid }) => uid)).toEqual([...new Set(uids)]);
  });

  it('have an id each, and panels that do not overlap', () => {
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
    for (const { title, panels } of dashboards) {
      expect([title, new Set(panels.map(({ id }) => id)).size]).toEqual([title, panels.length]);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      );
      expect([title, new Set(cells).size]).toEqual([title, cells.length]);
      for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
  });

  it('and rules ask for documented metrics alone', () => {
    const documented = readFileSync(join(root, 'docs/reference/metrics.md'), 'utf8');
    const asked = [...dashboards.flatMap(queriesOf), ...rules].flatMap(({ expr }) =>
      metricsIn(expr),
    );
    const unknown = asked.filter((name) => !documented.includes(`\`${name}\``));
    expect([...new Set(unknown)]).toEqual([]);
  });
});

describe('a real Prometheus', () => {
  const taking = new Receiver();
  const leaving = new Receiver();
  let binaries: PrometheusBinaries;
  let prometheus: Prometheus;
  let foretell: Installation;
  let caller: Client;
  let dir: string;
  let hooks: { taken: string; gone: string };

  beforeAll(async () => {
    const path: string = join(root, 'scripts/lib/prometheus-binary.mjs');
    const { findPrometheus } = (await import(path)) as {
      findPrometheus: () => Promise<PrometheusBinaries>;
    };
    binaries = await findPrometheus();
    dir = await mkdtemp(join(tmpdir(), 'foretell-monitoring-'));
    await cp(monitoring, dir, { recursive: true });
    hooks = { taken: await taking.start(), gone: await leaving.start() };
    leaving.answers = [410];
    await prepareConfig(await startForetell());
    prometheus = await Prometheus.start(binaries, argumentsOfCompose());
    // What is counted from nought shows as a rate only from the second time on.
    for (let round = 0; round < 2; round++) {
      await traffic();
      await checkedRows(round);
      await prometheus.scraped();
    }
    await prometheus.until('foretell_drift_psi');
  });

  afterAll(async () => {
    await prometheus.stop();
    await foretell.stop();
    taking.stop();
    leaving.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** @returns where each app is asked for its metrics. */
  async function startForetell(): Promise<Record<string, string[]>> {
    const models = await modelsDir();
    await copyModel('iris', join(models, 'iris'));
    await copyModel('fixture:slow', join(models, 'slow'));
    // One job of the rows that it was checked with is enough to compare.
    await appendFile(
      join(models, 'iris/model.yaml'),
      'drift: { min_samples: 20 }\ncache_ttl_s: 60\n',
    );
    const [one, two, courier] = await Promise.all([freePort(), freePort(), freePort()]);
    foretell = await Installation.start({ API_KEYS: KEYS, MODELS_DIR: models }, []);
    await foretell.add('worker', { OPS_PORT: String(one) });
    await foretell.add('worker', { OPS_PORT: String(two) });
    await foretell.add('courier', { OPS_PORT: String(courier) });
    await foretell.add('api', { MAX_WAITS: '1' });
    await foretell.client.untilSettled();
    caller = foretell.client.withHeaders({ authorization: 'Bearer caller-key-1234' });
    const at = (port: number) => `127.0.0.1:${port}`;
    return {
      api: [new URL(foretell.client.url).host],
      worker: [at(one), at(two)],
      courier: [at(courier)],
    };
  }

  /** The very file, but for names that Docker's DNS would answer, and for how often it looks. */
  async function prepareConfig(targets: Record<string, string[]>): Promise<void> {
    const file = join(dir, 'prometheus.yml');
    const config = parse(readFileSync(file, 'utf8')) as PrometheusConfig;
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    for (const scrape of config.scrape_configs) {
      delete scrape.dns_sd_configs;
      scrape.static_configs = [{ targets: targets[scrape.job_name] ?? [] }];
      if (scrape.authorization) scrape.authorization.credentials_file = 'api-key';
    }
    await writeFile(join(dir, 'api-key'), 'prometheus-key-1\n');
    await writeFile(file, stringify(config));
  }

  /** As the compose file starts it, with its files elsewhere. */
  function argumentsOfCompose(): string[] {
    const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) as {
      services: Record<string, { command: string[] }>;
    };
    const paths: Record<string, string> = {
      '--config.file': join(dir, 'prometheus.yml'),
      '--storage.tsdb.path': join(dir, 'data'),
    };
    return (compose.services['prometheus']?.command ?? []).map((argument) => {
      const [name = '', value = ''] = argument.split('=');
      return `${name}=${paths[name] ?? value.replace(/^\$\{\w+:-(.*)\}$/, '$1')}`;
    });
  }

  /** A job of the rows that iris was checked with, but for the first few. */
  async function checkedRows(round: number): Promise<void> {
    const lines = readFileSync(join(root, 'models/iris/reference.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const inputs = lines.slice(round).map((line) => JSON.parse(line) as unknown);
    await caller.predict('iris', { inputs });
  }

  /** Something of everything: jobs that succeed, fail and are canceled, refusals, webhooks taken and not. */
  async function traffic(): Promise<void> {
    for (const url of [hooks.taken, hooks.gone]) {
      const { id } = await caller.submit('iris', { ...IRIS, webhook: { url } });
      await caller.until<{ data: DeliveryView[] }>(
        `/v1/jobs/${id}/deliveries`,
        ({ body: { data } }) => data[0] !== undefined && data[0].status !== 'pending',
      );
    }
    const late = { input: [10_000_000], execution_timeout_s: 0.5 };
    const canceled = await caller.submit('slow', late);
    await caller.running(canceled);
    await caller.post(`/v1/jobs/${canceled.id}/cancel`, {});
    expect(await caller.predict('slow', late)).toMatchObject({ status: 'failed' });
    await caller.post('/v1/models/iris/predict', { input: [1] });
    const waiting = caller.withHeaders({ prefer: 'wait=1' });
    const job = await caller.submit('slow', late);
    const held = await Promise.all([1, 2].map(() => waiting.get(`/v1/jobs/${job.id}`)));
    expect(held.map(({ status }) => status)).toContain(429);
  }

  it('has no complaints about the configuration and the rules', async () => {
    expect(await promtool(binaries, ['check', 'config', 'prometheus.yml'], dir)).toContain(
      'SUCCESS',
    );
    expect(await promtool(binaries, ['test', 'rules', 'rules.test.yml'], dir)).toContain('SUCCESS');
  });

  it('raises every alert in the tests of the rules', () => {
    const { tests } = parse(readFileSync(join(monitoring, 'rules.test.yml'), 'utf8')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const raised = tests
      .flatMap((test) => test.alert_rule_test)
      .flatMap(({ alertname, exp_alerts }) => (exp_alerts.length > 0 ? [alertname] : []));
    expect(raised.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });

  it('reaches every process, the api with the key of its file', async () => {
    expect((await prometheus.scraped()).sort()).toEqual(['api', 'courier', 'worker', 'worker']);
  });

  it('evaluates every rule without an error, and warns of nothing but what was done', async () => {
    const evaluated = await prometheus.rules();
    expect(evaluated.map(({ name }) => name).sort()).toEqual(
      rules.map(({ alert }) => alert).sort(),
    );
    expect(
      evaluated.filter(({ health, lastError = '' }) => health !== 'ok' || lastError !== ''),
    ).toEqual([]);
    // A job that overruns its time takes its runner with it.
    const firing = evaluated.filter(({ state }) => state === 'firing').map(({ name }) => name);
    expect(firing).toEqual(['ForetellRunnerCrashes']);
  });

  it.each(dashboards.flatMap(queriesOf))('has data for $panel: $expr', async ({ expr }) => {
    const all = await prometheus.query(filledIn(expr, { model: '.+', version: '.+', event: '.+' }));
    await prometheus.query(filledIn(expr, { model: 'iris', version: '2', event: 'job.ended' }));
    if (metricsIn(expr).some((name) => name in QUIET)) return;
    const known = all.filter(({ value }) => Number.isFinite(Number(value[1])));
    expect(known).not.toHaveLength(0);
  });

  it.each(dashboards.flatMap(({ templating }) => templating.list))(
    'has values for $query.query',
    async ({ query: { query } }) => {
      const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      const values = await prometheus.labelValues(filledIn(series, { model: '.+' }), label);
      if (!metricsIn(query).some((name) => name in QUIET)) expect(values).not.toHaveLength(0);
    },
  );

  it('sees nothing move that is excused for not moving', async () => {
    const moved = await Promise.all(
      Object.keys(QUIET).map(async (name) =>
        (await prometheus.query(`${name} > 0`)).length > 0 ? [name] : [],
      ),
    );
    expect(moved.flat()).toEqual([]);
  });
});

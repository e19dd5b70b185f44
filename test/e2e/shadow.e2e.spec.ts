import { execFileSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView, RolloutReport } from '#libs/contracts';
import { freePort } from '#libs/testing';
import { Client } from './support/client.js';
import { type App, Installation, runners } from './support/installation.js';
import { copyModel, modelsDir, writeModel } from './support/models.js';
import { Receiver } from './support/receiver.js';

/** Version 2 gives the larger of `x` and `w`, version 1 their sum. */
const SAME = [0, 0];
const OTHER = [5, 5];
const EACH = 20;
/** Iterations: long enough to be caught at it. */
const SLOW = [30_000];
const POLL_MS = 20;

describe('a shadow, over two workers', () => {
  const receiver = new Receiver();
  const metrics: Client[] = [];
  const workers: App[] = [];
  let foretell: Installation;
  let client: Client;

  beforeAll(async () => {
    const dir = await modelsDir();
    await writeModel(path.join(dir, 'pair'), { 1: {}, 2: { op: 'Max' } });
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await cp(path.join(dir, 'slow/1'), path.join(dir, 'slow/2'), { recursive: true });
    foretell = await Installation.start({ MODELS_DIR: dir }, ['courier']);
    for (let i = 0; i < 2; i++) {
      const port = await freePort();
      workers.push(await foretell.add('worker', { OPS_PORT: String(port) }));
      metrics.push(new Client(`http://127.0.0.1:${port}`));
    }
    await foretell.add('api');
    ({ client } = foretell);
    await client.untilSettled();
  });

  afterAll(async () => {
    await foretell.stop();
    receiver.stop();
  });

  async function shadow(model: string): Promise<void> {
    const rollout = { stable: '1', shadow: { version: '2', percent: 100 } };
    const { status, body } = await client.put(`/v1/models/${model}/rollout`, rollout);
    expect([status, body]).toEqual([200, expect.anything()]);
    for (const worker of workers) {
      await worker.line((line) => line.msg === 'shadow ready' && line['model'] === model);
    }
  }

  async function report(
    model: string,
    wanted: (report: RolloutReport['shadow'] & {}) => boolean,
  ): Promise<RolloutReport['shadow']> {
    const { body } = await client.until<{ report: RolloutReport }>(
      `/v1/models/${model}/rollout`,
      ({ body: { report } }) => report.shadow !== null && wanted(report.shadow),
    );
    return body.report.shadow;
  }

  async function metricsText(): Promise<string> {
    const answers = metrics.map((each) => each.get<{ text: string }>('/metrics'));
    return (await Promise.all(answers)).map(({ body }) => body.text).join('\n');
  }

  it('is compared with the stable version, and shows nowhere else', async () => {
    const url = await receiver.start();
    await shadow('pair');
    const inputs = Array.from({ length: EACH }, () => [SAME, OTHER]).flat();
    const jobs = await Promise.all(
      inputs.map((input) => client.submit('pair', { input, webhook: { url } })),
    );
    const ended = await Promise.all(jobs.map((job) => client.ended(job)));
    for (const job of ended) expect(job).toMatchObject({ status: 'succeeded', version: '1' });

    const found = await report('pair', ({ compared }) => compared >= inputs.length);
    expect(found).toMatchObject({
      version: '2',
      compared: 2 * EACH,
      agreed: EACH,
      agreement: 0.5,
      failed: 0,
      skipped: 0,
      run: { p50_ms: expect.any(Number), p95_ms: expect.any(Number) },
      primary_run: { p50_ms: expect.any(Number), p95_ms: expect.any(Number) },
      p50_difference_ms: expect.any(Number),
    });

    await receiver.count(inputs.length);
    expect(receiver.received).toHaveLength(inputs.length);
    const { body } = await client.get<{ data: JobView[] }>('/v1/jobs?model=pair&limit=100');
    expect(body.data.map(({ version }) => version)).toEqual(inputs.map(() => '1'));
    const text = await metricsText();
    expect(sum(text, 'foretell_shadow_jobs_total', 'version="2"')).toBe(inputs.length);
    expect(sum(text, 'foretell_jobs_ended_total', 'version="1"')).toBe(inputs.length);
    expect(sum(text, 'foretell_jobs_ended_total', 'version="2"')).toBe(0);
    expect(sum(text, 'foretell_batches_total', 'version="2"')).toBe(0);
    const { body: api } = await client.get<{ text: string }>('/metrics');
    expect(sum(api.text, 'foretell_jobs_accepted_total', 'version="1"')).toBe(inputs.length);
    expect(sum(api.text, 'foretell_jobs_accepted_total', 'version="2"')).toBe(0);
    // Its rows are those of no batch but its own.
    const { body: page } = await client.get<{ report: RolloutReport }>('/v1/models/pair/rollout');
    expect(page.report.versions).toMatchObject([{ version: '1', jobs: inputs.length, failed: 0 }]);
  });

  it('crashes, and nobody is hurt: its replay is dropped, and the next one runs', async () => {
    await shadow('slow');
    const job = await client.submit('slow', { input: SLOW });
    expect((await client.ended(job)).status).toBe('succeeded');
    process.kill(await busyShadow(), 'SIGKILL');
    await report('slow', ({ failed }) => failed === 1);
    expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(foretell.apps.flatMap(({ log }) => log).map(({ msg }) => msg)).not.toContain(
      'model crashed',
    );
    expect((await client.predict('slow', { input: [1] })).status).toBe('succeeded');
    const found = await report('slow', ({ compared }) => compared === 1);
    expect(found).toMatchObject({ agreed: 1, failed: 1, skipped: 0 });
  });

  it('ends with its rollout', async () => {
    expect(shadowRunners().length).toBeGreaterThan(0);
    for (const model of ['pair', 'slow']) await client.delete(`/v1/models/${model}/rollout`);
    while (shadowRunners().length > 0) await delay(POLL_MS);
  });

  /** Processes of the lowest priority, and whether they compute. */
  function shadowRunners(): { pid: number; isBusy: boolean }[] {
    const pids = workers.flatMap(({ pid }) => runners(pid)).join(',');
    const text = execFileSync('ps', ['-o', 'pid=,ni=,state=', '-p', pids], { encoding: 'utf8' });
    return text
      .trim()
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, nice]) => nice === '19')
      .map(([pid, , state]) => ({ pid: Number(pid), isBusy: state === 'R' }));
  }

  async function busyShadow(): Promise<number> {
    for (;;) {
      const busy = shadowRunners().find(({ isBusy }) => isBusy);
      if (busy) return busy.pid;
      await delay(POLL_MS);
    }
  }
});

/** @returns of all series of a metric that have a label, together. */
function sum(text: string, metric: string, label: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) && line.includes(label))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}

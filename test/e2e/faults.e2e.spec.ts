import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Installation, runners } from './support/installation.js';
import { modelsDir } from './support/models.js';

/** Iterations that keep the slow model busy for about a second; enough to be caught at it. */
const SLOW = [20_000];
const QUICK = [1];

describe('a process that dies mid-job', () => {
  let foretell: Installation;

  beforeEach(async () => {
    foretell = await Installation.start({ MODELS_DIR: await modelsDir('fixture:slow') });
  });

  afterEach(async () => {
    await foretell.stop();
  });

  it('a runner: it comes back, and its jobs succeed without another attempt', async () => {
    const { client } = foretell;
    const worker = foretell.app('worker');
    const slow = await client.submit('slow', { input: SLOW });
    await client.running(slow);
    const behind = await Promise.all([1, 2, 3].map(() => client.submit('slow', { input: QUICK })));
    const [runner] = runners(worker.pid);
    process.kill(runner ?? 0, 'SIGKILL');
    await worker.line(({ msg }) => msg === 'model crashed');
    for (const job of [slow, ...behind]) {
      expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
    expect((await client.ended(slow)).output).toEqual({ echo: SLOW });
  });

  it('a runner, three times under the same lone job: that job is poisoned, the next one runs', async () => {
    const { client } = foretell;
    const worker = foretell.app('worker');
    const poison = await client.submit('slow', { input: [400_000] });
    // The first death may have had company; the three that follow leave the job alone to blame.
    for (let death = 1; death <= 4; death++) {
      await worker.line(() => readyLines(worker.log) >= death);
      await client.running(poison);
      await untilBusy(worker.pid);
      process.kill(runners(worker.pid)[0] ?? 0, 'SIGKILL');
    }
    expect(await client.ended(poison)).toMatchObject({
      status: 'failed',
      error: { code: 'poisoned', retryable: false },
    });
    expect((await client.predict('slow', { input: QUICK })).status).toBe('succeeded');
  });

  it('the worker: another one takes its jobs over', async () => {
    const { client } = foretell;
    const worker = foretell.app('worker');
    const jobs = await Promise.all(
      [SLOW, QUICK, QUICK].map((input) => client.submit('slow', { input })),
    );
    const [first] = jobs;
    if (first) await client.running(first);
    worker.kill('SIGKILL');
    await worker.ended;
    const later = await client.submit('slow', { input: QUICK });
    await foretell.add('worker');
    for (const job of [...jobs, later]) {
      expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
  });

  it('the api: what it accepted is still done, and read through another', async () => {
    const { client } = foretell;
    const job = await client.submit('slow', { input: SLOW });
    foretell.app('api').kill('SIGKILL');
    await foretell.add('api');
    expect((await foretell.client.ended(job)).status).toBe('succeeded');
  });

  it('SIGTERM to a worker with work: it hands back what it has not started and ends with 0', async () => {
    const { client } = foretell;
    const worker = foretell.app('worker');
    const slow = await client.submit('slow', { input: SLOW });
    await client.running(slow);
    const waiting = await Promise.all(
      Array.from({ length: 6 }, () => client.submit('slow', { input: SLOW })),
    );
    worker.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    const { body: started } = await client.get(`/v1/jobs/${slow.id}`);
    expect(started).toMatchObject({ status: 'succeeded', attempts: 1 });
    await foretell.add('worker');
    for (const job of waiting) expect((await client.ended(job)).status).toBe('succeeded');
  });
});

function readyLines(log: { msg?: string }[]): number {
  return log.filter(({ msg }) => msg === 'model ready').length;
}

/** Until the runner computes: its processor time grows. */
async function untilBusy(workerPid: number): Promise<void> {
  const cpuTicks = () => {
    const [runner] = runners(workerPid);
    const stat = execFileSync('ps', ['-o', 'cputimes=', '-p', String(runner)], {
      encoding: 'utf8',
    });
    return Number(stat.trim());
  };
  const before = cpuTicks();
  while (cpuTicks() === before) await new Promise((resolve) => setTimeout(resolve, 50));
}

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Installation, runners } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

/** Iterations of the slow model: far longer than any limit here, and next to nothing. */
const ENDLESS = [10_000_000];
const QUICK = [1];

describe('a runner in trouble', () => {
  let foretell: Installation;

  async function start(env: NodeJS.ProcessEnv, manifest = ''): Promise<void> {
    const dir = await modelsDir();
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(path.join(dir, 'slow/model.yaml'), manifest);
    foretell = await Installation.start({ MODELS_DIR: dir, ...env });
  }

  afterEach(async () => {
    await foretell.stop();
  });

  it('execution timeout: only the job that overran fails, its batch mates succeed', async () => {
    await start({});
    const { client } = foretell;
    const busy = await client.submit('slow', { input: [20_000] });
    await client.running(busy);
    const mates = await Promise.all(
      [1, 2, 3].map(() => client.submit('slow', { input: QUICK, execution_timeout_s: 30 })),
    );
    const endless = await client.submit('slow', { input: ENDLESS, execution_timeout_s: 0.5 });
    expect(await client.ended(endless)).toMatchObject({
      status: 'failed',
      output: null,
      error: { code: 'execution-timeout', retryable: false },
    });
    for (const mate of mates) expect((await client.ended(mate)).status).toBe('succeeded');
    expect((await client.predict('slow', { input: QUICK })).status).toBe('succeeded');
  });

  it('a job without a limit of its own ends when it has overrun that of the worker, twice', async () => {
    await start({ RUN_TIMEOUT_S: '1' });
    const { client } = foretell;
    expect(await client.predict('slow', { input: ENDLESS })).toMatchObject({
      status: 'failed',
      error: { code: 'execution-timeout' },
    });
  });

  it('a runner that hangs is found and replaced, and its job succeeds', async () => {
    await start({ RUN_TIMEOUT_S: '2' });
    const { client } = foretell;
    const worker = foretell.app('worker');
    const [runner = 0] = runners(worker.pid);
    process.kill(runner, 'SIGSTOP');
    const job = await client.submit('slow', { input: QUICK });
    await worker.line(({ msg }) => msg === 'model crashed');
    expect(await client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(runners(worker.pid)).not.toContain(runner);
  });

  it('one of two instances dies: the other goes on, and it comes back', async () => {
    await start({}, 'instances: 2\nthreads: 1\n');
    const { client } = foretell;
    const worker = foretell.app('worker');
    const page = '/v1/models/slow';
    interface Page {
      versions: { warm_instances: number; state: string }[];
    }
    const warm = (count: number) => (answer: { body: Page }) =>
      answer.body.versions[0]?.warm_instances === count;
    await client.until<Page>(page, warm(2));
    const [runner = 0] = runners(worker.pid);
    process.kill(runner, 'SIGKILL');
    expect((await client.predict('slow', { input: QUICK })).status).toBe('succeeded');
    const { body } = await client.until<Page>(page, warm(2));
    expect(body.versions[0]?.state).toBe('ready');
    expect(runners(worker.pid)).toHaveLength(2);
  });

  it('memory budget: the version that was used least recently makes room, and comes back', async () => {
    const dir = await modelsDir('iris', 'diabetes', 'fixture:slow');
    foretell = await Installation.start({ MODELS_DIR: dir, MEMORY_BUDGET_MB: '320' });
    const { client } = foretell;
    const iris = { input: [5.1, 3.5, 1.4, 0.2] };
    interface Health {
      models: { name: string; versions: { state: string }[] }[];
    }
    const unloaded = ({ body }: { body: Health }) =>
      body.models.some(({ versions }) => versions.some(({ state }) => state === 'unloaded'));
    await client.until<Health>('/health', unloaded);
    for (let round = 1; round <= 2; round++) {
      expect((await client.predict('iris', iris)).status).toBe('succeeded');
      expect((await client.predict('slow', { input: QUICK })).status).toBe('succeeded');
      expect((await client.predict('diabetes', { input: Array(10).fill(0) })).status).toBe(
        'succeeded',
      );
    }
  });
});

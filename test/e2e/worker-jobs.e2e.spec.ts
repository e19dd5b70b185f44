import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { JobView } from '#libs/contracts';
import type { Client } from './support/client.js';
import { type App, Installation, type LogLine } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

const ROOT = path.join(import.meta.dirname, '../..');
const IRIS = { input: [5.1, 3.5, 1.4, 0.2] };
/** Rows of a batch of the slow model here. */
const ROWS = 4;
/** Far longer than it takes to ask for something, in a batch of its own. */
const LONG = Array<number[]>(ROWS).fill([20_000]);

describe('jobs in the hands of two workers', () => {
  let foretell: Installation;
  let client: Client;
  let workers: App[];
  let dir: string;

  async function start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    dir = await modelsDir();
    await copyModel('iris', path.join(dir, 'iris'));
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      `batching: { max_batch_size: ${ROWS}, max_queue_delay_ms: 0 }\n`,
    );
    foretell = await Installation.start({ MODELS_DIR: dir, MODELS_POLL_MS: '100', ...env }, [
      'api',
      'worker',
    ]);
    workers = [foretell.app('worker'), await foretell.add('worker')];
    client = foretell.client;
  }

  afterEach(() => foretell.stop());

  /** A line of either worker, already written or still to come. */
  const line = (matches: (line: LogLine) => boolean): Promise<LogLine> =>
    Promise.race(workers.map((worker) => worker.line(matches)));
  const discarded = ({ id }: JobView) =>
    line(({ msg, job_id }) => msg === 'canceled job discarded' && job_id === id);
  const cancel = (job: JobView) => client.post<JobView>(`/v1/jobs/${job.id}/cancel`, {});

  /** Keeps both workers' runners computing, with the batches that they hold. */
  async function keepBusy(): Promise<JobView[]> {
    const busy = await Promise.all(
      Array.from({ length: 8 }, () => client.submit('slow', { inputs: LONG, priority: 'high' })),
    );
    await Promise.all(busy.slice(0, 2).map((job) => client.running(job)));
    return busy;
  }

  async function stopWorkers(): Promise<void> {
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(workers.map((worker) => worker.ended));
  }

  it('cancel: a job that waits never runs, and a job that runs is discarded; others are unharmed', async () => {
    await start();
    const busy = await keepBusy();
    const [waits, sibling] = await Promise.all([
      client.submit('slow', { input: [2000] }),
      client.submit('slow', { input: [3000] }),
    ]);
    expect((await cancel(waits)).body).toMatchObject({ status: 'canceled', started_at: null });
    expect(await discarded(waits)).toMatchObject({ ran: false });

    const [runs, ...others] = busy;
    if (!runs) throw new Error('some were submitted');
    expect((await cancel(runs)).body).toMatchObject({ status: 'canceled', outputs: null });
    expect(await discarded(runs)).toMatchObject({ ran: true });

    for (const other of others) {
      const { status, outputs } = await client.ended(other);
      expect([status, outputs]).toEqual(['succeeded', LONG.map((echo) => ({ echo }))]);
    }
    expect(await client.ended(sibling)).toMatchObject({
      status: 'succeeded',
      output: { echo: [3000] },
    });
    for (const { id } of [runs, waits]) {
      const { body } = await client.get<JobView>(`/v1/jobs/${id}`);
      expect(body).toMatchObject({ status: 'canceled', error: { code: 'canceled' } });
    }
  });

  it('cancel: a job whose workers hear nothing of it stops at the next part, and is not published', async () => {
    await start();
    const redis = new Redis(foretell.redis.url);
    // Minutes of work, all of it.
    const inputs = Array.from({ length: 1000 }, () => [20_000]);
    const job = await client.submit('slow', { inputs });
    await client.until<JobView>(`/v1/jobs/${job.id}`, ({ body }) => body.progress.done > 0);
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect((await cancel(job)).status).toBe(200);
    redis.disconnect();
    expect(await discarded(job)).toMatchObject({ ran: true });
    expect((await client.predict('slow', { input: [1] })).status).toBe('succeeded');
    const { body } = await client.get<JobView>(`/v1/jobs/${job.id}`);
    expect(body).toMatchObject({ status: 'canceled', outputs: null });
    expect(body.progress.done).toBeLessThan(1000);
  });

  it('cancel: what was canceled while no worker was alive is not published by the next one', async () => {
    await start();
    await stopWorkers();
    const [canceled, kept] = await Promise.all([1, 2].map(() => client.submit('iris', IRIS)));
    if (!canceled || !kept) throw new Error('two were submitted');
    await cancel(canceled);
    workers = [await foretell.add('worker')];
    expect((await client.ended(kept)).status).toBe('succeeded');
    await discarded(canceled);
    const { body } = await client.get<JobView>(`/v1/jobs/${canceled.id}`);
    expect(body).toMatchObject({ status: 'canceled', output: null });
  });

  it('progress: it can be seen how far a job of many instances has got', async () => {
    await start();
    const inputs = Array.from({ length: 60 }, () => [2000]);
    const job = await client.submit('slow', { inputs });
    const seen: number[] = [];
    const { body } = await client.until<JobView>(`/v1/jobs/${job.id}`, (answer) => {
      seen.push(answer.body.progress.done);
      return answer.body.status === 'succeeded';
    });
    expect(body.progress).toEqual({ done: 60, total: 60 });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBeGreaterThan(3);
    expect(body.outputs).toEqual(inputs.map((echo) => ({ echo })));
  });

  it('retry: a job whose model cannot be loaded is tried again, and succeeds once it can', async () => {
    await start({ RETRY_FIRST_DELAY_MS: '300', MAX_ATTEMPTS: '50' });
    await stopWorkers();
    await writeFile(path.join(dir, 'iris/2/model.onnx'), 'not a model');
    const job = await client.submit('iris', { ...IRIS, queue_timeout_s: 600 });
    workers = [await foretell.add('worker'), await foretell.add('worker')];
    await line(({ msg, attempt }) => msg === 'attempt failed, to be tried again' && attempt === 1);
    await copyFile(
      path.join(ROOT, 'models/iris/2/model.onnx'),
      path.join(dir, 'iris/2/model.onnx'),
    );
    const ended = await client.ended(job);
    expect(ended).toMatchObject({ status: 'succeeded', error: null });
    expect(ended.attempts).toBe(ended.attempt_history.length + 1);
    expect(ended.attempt_history[0]).toMatchObject({
      attempt: 1,
      status: 'failed',
      error: { code: 'model-unavailable' },
    });
  });

  it('retry: the last attempt is published as failed', async () => {
    await start({ RETRY_FIRST_DELAY_MS: '10', MAX_ATTEMPTS: '3' });
    await stopWorkers();
    await writeFile(path.join(dir, 'iris/2/model.onnx'), 'not a model');
    const job = await client.submit('iris', IRIS);
    workers = [await foretell.add('worker')];
    const ended = await client.ended(job);
    expect(ended).toMatchObject({
      status: 'failed',
      attempts: 3,
      error: { code: 'model-unavailable', retryable: true },
    });
    expect(ended.attempt_history.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('fairness: 10,000 queued jobs of one caller delay the single job of another by a few batches', async () => {
    await start({ API_KEYS: 'ann:secret-of-ann,bob:secret-of-bob' });
    const [ann, bob] = ['ann', 'bob'].map((name) =>
      client.withHeaders({ authorization: `Bearer secret-of-${name}` }),
    );
    if (!ann || !bob) throw new Error('two callers');
    await stopWorkers();
    const jobs: JobView[] = [];
    while (jobs.length < 10_000) {
      const some = Array.from({ length: 250 }, () => ann.submit('iris', IRIS));
      jobs.push(...(await Promise.all(some)));
    }
    const single = await bob.submit('iris', IRIS);
    workers = await Promise.all([foretell.add('worker'), foretell.add('worker')]);
    const end = Date.parse((await bob.ended(single)).ended_at ?? '');
    const last = jobs.at(-1);
    if (last) await ann.ended(last);
    let before = 0;
    while (jobs.length > 0) {
      const some = jobs.splice(0, 250).map(({ id }) => ann.get<JobView>(`/v1/jobs/${id}`));
      for (const { body } of await Promise.all(some)) {
        if (Date.parse(body.ended_at ?? '') <= end) before++;
      }
    }
    // A batch of hers in its round, and what each worker holds: three batches.
    expect(before).toBeLessThanOrEqual((1 + 2 * 3 + 1) * 64);
  });

  it('fairness: large jobs that fill both workers make way for the single job of another caller', async () => {
    await start({ API_KEYS: 'ann:secret-of-ann,bob:secret-of-bob' });
    const [ann, bob] = ['ann', 'bob'].map((name) =>
      client.withHeaders({ authorization: `Bearer secret-of-${name}` }),
    );
    if (!ann || !bob) throw new Error('two callers');
    const inputs = Array.from({ length: 1000 }, () => [1500]);
    const jobs = await Promise.all(
      Array.from({ length: 40 }, () => ann.submit('slow', { inputs })),
    );
    await Promise.all(jobs.slice(0, 2).map((job) => ann.running(job)));
    const single = await bob.ended(await bob.submit('slow', { input: [1] }));
    expect(single.status).toBe('succeeded');
    const views = await Promise.all(jobs.map(({ id }) => ann.get<JobView>(`/v1/jobs/${id}`)));
    const ends = views.map(({ body }) => Date.parse(body.ended_at ?? ''));
    // Those that ran already may end meanwhile, but none of those that the workers hold besides.
    const before = ends.filter((end) => end <= Date.parse(single.ended_at ?? '')).length;
    expect(before).toBeLessThanOrEqual(2);
  });
});

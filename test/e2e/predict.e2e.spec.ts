import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import type { Answer } from './support/client.js';
import { Installation } from './support/installation.js';
import { heldOut } from './support/models.js';

describe('submitting and reading a job', () => {
  let foretell: Installation;

  beforeAll(async () => {
    foretell = await Installation.start();
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('accepts with 202, says where the job is, and gives its result there', async () => {
    const accepted = await foretell.client.post<JobView>('/v1/models/iris/predict', {
      input: [5.1, 3.5, 1.4, 0.2],
      metadata: { batch: 'monday' },
    });
    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('location')).toBe(`/v1/jobs/${accepted.body.id}`);
    expect(accepted.headers.get('retry-after')).toBe('1');
    expect(accepted.body).toMatchObject({ object: 'job', status: 'queued', output: null });

    const url = new URL(accepted.body.status_url);
    const job = await foretell.client.ended(accepted.body);
    expect(url.pathname).toBe(`/v1/jobs/${job.id}`);
    expect(job).toMatchObject({
      status: 'succeeded',
      model: 'iris',
      version: '2',
      output: { label: 'setosa' },
      error: null,
      progress: { done: 1, total: 1 },
      attempts: 1,
      metadata: { batch: 'monday' },
      warnings: [],
    });
    const order = [job.created_at, job.started_at, job.ended_at, job.expires_at];
    expect([...order].sort()).toEqual(order);
    expect(Object.values(job.timing ?? {}).every((ms) => ms >= 0)).toBe(true);
  });

  it('does what the README shows', async () => {
    const readme = await readFile(path.join(import.meta.dirname, '../../README.md'), 'utf8');
    const shown = /```sh\n(curl -s -X POST[^`]*)```/.exec(readme)?.[1] ?? '';
    const command = shown.replace('http://127.0.0.1:3000', foretell.client.url.replace(/\/$/, ''));
    const job = JSON.parse(execFileSync('bash', ['-c', command], { encoding: 'utf8' })) as JobView;
    expect(await foretell.client.ended(job)).toMatchObject({
      status: 'succeeded',
      output: { label: 'setosa', confidence: 0.9972 },
    });
  });

  it('serves /predict and /jobs without the prefix, and the pinned version', async () => {
    const { body } = await foretell.client.post<JobView>('/predict', {
      model: 'iris',
      version: '1',
      input: { sepal_length: 6.3, sepal_width: 3.3, petal_length: 6, petal_width: 2.5 },
    });
    await foretell.client.ended(body);
    const job = await foretell.client.get<JobView>(`/jobs/${body.id}`);
    expect(job.body).toMatchObject({ version: '1', output: { label: 'virginica' } });
  });

  it('answers many instances in their order', async () => {
    const { rows } = await heldOut('iris');
    const job = await foretell.client.predict('iris', { inputs: rows.map(({ input }) => input) });
    expect(job.status).toBe('succeeded');
    expect(job.progress).toEqual({ done: rows.length, total: rows.length });
    expect(job.outputs).toHaveLength(rows.length);
    expect(job).not.toHaveProperty('output');
    rows.forEach(({ reference }, i) => {
      const output = job.outputs?.[i] as { probabilities: Record<string, number> };
      Object.values(output.probabilities).forEach((probability, k) => {
        expect(probability).toBeCloseTo(reference['2']?.[k] ?? NaN, 3);
      });
    });
  });

  it('takes an image as base64, as a data URI and as an upload', async () => {
    const { rows } = await heldOut('digits');
    const [first] = rows;
    const base64 = String(first?.input);
    const form = new FormData();
    form.append('input', new Blob([Buffer.from(base64, 'base64')], { type: 'image/png' }), 'd.png');
    form.append('parameters', '{"top_k": 2}');
    const uploaded = await foretell.client.post<JobView>('/v1/models/digits/predict', form);
    const jobs = await Promise.all([
      foretell.client.predict('digits', { input: base64, parameters: { top_k: 2 } }),
      foretell.client.predict('digits', {
        input: `data:image/png;base64,${base64}`,
        parameters: { top_k: 2 },
      }),
      foretell.client.ended(uploaded.body),
    ]);
    const [expected] = jobs;
    expect(expected.output).toMatchObject({ label: first?.expected });
    expect((expected.output as { top_k: unknown[] }).top_k).toHaveLength(2);
    for (const job of jobs) expect(job.output).toEqual(expected.output);
  });

  it('takes values outside the declared range, and says so on the job', async () => {
    const { rows } = await heldOut('diabetes');
    const input = { ...(rows[0]?.input as Record<string, number>), bmi: 90 };
    const job = await foretell.client.predict('diabetes', { input });
    expect(job.status).toBe('succeeded');
    expect(job.warnings).toEqual([
      { pointer: '/input/bmi', message: expect.stringContaining('bmi is outside') as unknown },
    ]);
  });

  it('takes over a sane request id and carries it on the job and every line about it', async () => {
    const job = await foretell.client.submit(
      'iris',
      { input: [1, 2, 3, 4] },
      { 'x-request-id': 'order-4711' },
    );
    const answer = await foretell.client.get<JobView>(`/v1/jobs/${job.id}`);
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await foretell.client.ended(job)).request_id).toBe('order-4711');
    for (const name of ['api', 'worker'] as const) {
      await foretell
        .app(name)
        .line((l) => l['job_id'] === job.id && l['request_id'] === 'order-4711');
    }
  });

  it('says what a model wants and gives', async () => {
    const { body } = await foretell.client.get('/v1/models/iris');
    expect(body).toMatchObject({
      name: 'iris',
      default_version: '2',
      versions: [
        {
          version: '1',
          state: 'ready',
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        },
        {
          version: '2',
          input_schema: {
            anyOf: [
              { required: ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'] },
              {},
            ],
          },
        },
      ],
    });
  });

  it('lists the models, by name, page by page', async () => {
    const folders = await readdir(path.join(import.meta.dirname, '../../models'));
    const names: string[] = [];
    let page = '/v1/models?limit=2';
    for (let cursor: string | null = ''; cursor !== null; page = `/v1/models?cursor=${cursor}`) {
      const { body }: Answer<{ data: { name: string }[]; next_cursor: string | null }> =
        await foretell.client.get(page);
      names.push(...body.data.map(({ name }) => name));
      cursor = body.next_cursor;
    }
    expect(names).toEqual(folders.filter((name) => name !== 'training').sort());
  });
});

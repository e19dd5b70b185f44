import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { EventStream, type StreamedEvent } from '#libs/testing';
import type { Answer, Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { Receiver } from './support/receiver.js';

/** Told in the name, so that a failure can be had again: `SEED=… npm test -- …`. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

const api = fc.constantFrom(0 as const, 1 as const);
const scenarios = fc.record({
  /** Instances and, for each, iterations: 20 take a millisecond. */
  rows: fc.oneof(fc.constant(null), fc.integer({ min: 2, max: 12 })),
  iterations: fc.integer({ min: 1, max: 400 }),
  submit: api,
  watch: api,
  cancel: fc.array(api, { minLength: 1, maxLength: 3 }),
  when: fc.constantFrom('submitted', 'running', 'output', 'end', 'never'),
});

describe(`jobs that several want something else of (seed ${seed})`, () => {
  let foretell: Installation;
  let apis: [Client, Client];
  const receiver = new Receiver();

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      'batching: { max_batch_size: 4, max_queue_delay_ms: 0 }\n',
    );
    foretell = await Installation.start({ MODELS_DIR: dir });
    const first = foretell.client;
    await Promise.all([foretell.add('api'), foretell.add('worker')]);
    apis = [first, foretell.client];
  });

  afterAll(async () => {
    receiver.stop();
    await foretell.stop();
  });

  /** All pages, each from the other api. */
  const walkPages = async (query: string, limit = 100): Promise<string[]> => {
    const found: string[] = [];
    let cursor = '';
    for (let page = 0; ; page++) {
      const { body } = await apis[page % 2 === 0 ? 0 : 1].get<{
        data: JobView[];
        next_cursor: string | null;
      }>(`/v1/jobs?limit=${limit}&${query}${cursor}`);
      found.push(...body.data.map(({ id }) => id));
      if (body.next_cursor === null) return found;
      cursor = `&cursor=${body.next_cursor}`;
    }
  };

  it('each ends once: canceled or succeeded, and every witness tells the same', async () => {
    const url = await receiver.start();
    // Workers miss cancels, and compute in vain.
    const redis = new Redis(foretell.redis.url);
    const cutting = setInterval(() => void redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 50);
    const jobs = await Promise.all(
      fc.sample(scenarios, { numRuns: 150, seed }).map(async (scenario) => {
        const { rows, iterations, when } = scenario;
        const body =
          rows === null ? { input: [iterations] } : { inputs: Array(rows).fill([iterations]) };
        const job = await apis[scenario.submit].submit('slow', {
          ...body,
          metadata: { test: 'ledger' },
          webhook: { url },
        });
        const cancels: Promise<Answer<JobView & { code?: string }>>[] = [];
        const cancel = () => {
          if (cancels.length > 0) return;
          cancels.push(
            ...scenario.cancel.map((i) => apis[i].post<JobView>(`/v1/jobs/${job.id}/cancel`, {})),
          );
        };
        if (when === 'submitted') cancel();
        const watched = apis[scenario.watch].url;
        const stream = await EventStream.open(new URL(`/v1/jobs/${job.id}/events`, watched));
        const events = await stream.events(({ event, data }) => {
          if (event === when || (data as { status?: string }).status === when) cancel();
          return false;
        });
        return { job, events, answers: await Promise.all(cancels) };
      }),
    );
    clearInterval(cutting);
    redis.disconnect();
    const byStatus: Record<string, string[]> = { canceled: [], succeeded: [] };
    for (const { job, events, answers } of jobs) {
      const views = await Promise.all(
        apis.map((client) => client.get<JobView>(`/v1/jobs/${job.id}`)),
      );
      const [view] = views.map(({ body }) => withoutHost(body));
      expect(views.map(({ body }) => withoutHost(body))).toEqual([view, view]);
      expect(withoutHost(events.at(-1)?.data as JobView)).toEqual(view);
      const status = view?.status ?? '';
      byStatus[status]?.push(job.id);
      expect(endsIn(events)).toEqual([status]);
      for (const answer of answers) {
        expect([answer.status, answer.body.status, answer.body.code]).toEqual(
          status === 'canceled' ? [200, 'canceled', undefined] : [409, 409, 'job-ended'],
        );
      }
      expect(view?.error?.code).toBe(status === 'canceled' ? 'canceled' : undefined);
    }
    expect(byStatus['canceled']).not.toHaveLength(0);
    expect(byStatus['succeeded']).not.toHaveLength(0);
    const received = (await receiver.count(jobs.length)).map(
      ({ body }) => JSON.parse(body) as WebhookPayload,
    );
    for (const [status, expected] of Object.entries(byStatus)) {
      const newestFirst = expected.sort().reverse();
      expect(await walkPages(`metadata.test=ledger&status=${status}`)).toEqual(newestFirst);
      const told = received
        .filter(({ type }) => type === `job.${status}`)
        .map(({ data }) => data.id);
      expect(told.sort().reverse()).toEqual(newestFirst);
    }
    expect(await walkPages('metadata.test=ledger')).toHaveLength(jobs.length);
  });

  it('canceling and retrying: all who cancel are told so, one of those who retry wins', async () => {
    // A minute's work for each worker.
    const long = { inputs: Array(1000).fill([5000]), priority: 'high' };
    const [blocker, second] = [
      await apis[0].submit('slow', long),
      await apis[1].submit('slow', long),
    ];
    await Promise.all([apis[0].running(blocker), apis[0].running(second)]);
    const jobs = await Promise.all(
      Array.from({ length: 20 }, () => apis[0].submit('slow', { input: [1], priority: 'low' })),
    );
    const contested = jobs.filter((_, i) => i % 2 === 0);
    for (const round of [1, 2, 3]) {
      await Promise.all(
        contested.map(async ({ id }) => {
          const canceled = await fromAll(`/v1/jobs/${id}/cancel`);
          expect(canceled.map(({ status }) => status)).toEqual(canceled.map(() => 200));
          expect(new Set(canceled.map(({ body }) => body.ended_at)).size).toBe(1);
          const retried = await fromAll(`/v1/jobs/${id}/retry`);
          const [won, ...more] = retried.filter(({ status }) => status < 300);
          expect(more).toEqual([]);
          expect(won?.body).toMatchObject({ id, status: 'queued', error: null, ended_at: null });
          expect(won?.body.attempt_history).toHaveLength(round);
          const lost = retried.filter(({ status }) => status >= 300);
          expect(lost.map(({ body }) => body.code)).toEqual(lost.map(() => 'job-not-retryable'));
        }),
      );
    }
    await Promise.all([blocker, second].map(({ id }) => apis[1].post(`/v1/jobs/${id}/cancel`, {})));
    for (const job of jobs) {
      const again = contested.includes(job);
      const ended = await apis[1].ended(job);
      expect(ended).toMatchObject({ status: 'succeeded', output: { echo: [1] } });
      expect(ended.attempt_history.map(({ attempt, status }) => [attempt, status])).toEqual(
        again ? [1, 2, 3].map((attempt) => [attempt, 'canceled']) : [],
      );
    }
  });

  const fromAll = (path: string): Promise<Answer<JobView & { code?: string }>[]> =>
    Promise.all(
      [0, 1, 0, 1].map((i) => apis[i === 0 ? 0 : 1].post<JobView & { code?: string }>(path, {})),
    );
});

/** The addresses in a job are those of the api that was asked. */
function withoutHost(job: JobView): Partial<JobView> {
  return { ...job, status_url: '', events_url: '', cancel_url: '' };
}

/** The ends that a stream tells of. */
function endsIn(events: StreamedEvent[]): string[] {
  return events.filter(({ event }) => event === 'end').map(({ data }) => (data as JobView).status);
}

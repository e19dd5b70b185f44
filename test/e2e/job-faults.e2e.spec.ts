import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { JobView } from '#libs/contracts';
import { EventStream, type StreamedEvent } from '#libs/testing';
import type { Client } from './support/client.js';
import { type App, Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

/** Told in the name, so that a failure can be had again: `SEED=… npm test -- …`. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const iris = '/v1/models/iris/predict';

describe(`jobs whose processes and connections fail (seed ${seed})`, () => {
  let foretell: Installation;
  let redis: Redis;
  let apis: [Client, Client];
  /** The second api: the one that is killed. */
  let mortal: App;

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      'batching: { max_batch_size: 4, max_queue_delay_ms: 0 }\n',
    );
    foretell = await Installation.start({ MODELS_DIR: dir }, ['api', 'worker']);
    const first = foretell.client;
    [mortal] = await Promise.all([foretell.add('api'), foretell.add('worker')]);
    apis = [first, foretell.client];
    redis = new Redis(foretell.redis.url);
  });

  afterAll(async () => {
    await redis.quit();
    await foretell.stop();
  });

  /** The second api dies, and comes back where it was. */
  const restartApi = async (): Promise<void> => {
    mortal.kill('SIGKILL');
    await mortal.ended;
    mortal = await foretell.add('api', { PORT: new URL(apis[1].url).port });
  };

  /** Adds what comes over one connection to `events`; hangs up after `count`, or is hung up on. */
  const read = async (
    api: number,
    { id }: JobView,
    events: StreamedEvent[],
    count: number,
  ): Promise<void> => {
    const last = events.at(-1)?.id;
    const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
    const url = new URL(`/v1/jobs/${id}/events`, (apis[api] ?? apis[0]).url);
    try {
      const stream = await EventStream.open(url, headers);
      for (let left = count; left > 0;) {
        const event = await stream.next();
        if (event === null) return;
        if (event.event === undefined) continue;
        events.push(event);
        left--;
      }
      stream.close();
    } catch {
      // The api was killed.
    }
  };

  const follow = async (api: number, job: JobView): Promise<StreamedEvent[]> => {
    const events: StreamedEvent[] = [];
    await read(api, job, events, Infinity);
    return events;
  };

  const cutNotifications = () => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

  it('a key sent again and again, to two apis of which one is killed, makes one job', async () => {
    const keys = Array.from({ length: 60 }, (_, i) => `key-${i}`);
    let answered = 0;
    let restarted: Promise<void> | undefined;
    const send = async (client: Client, key: string, i: number): Promise<string> => {
      for (;;) {
        const answer = await client
          .post<JobView>(
            iris,
            { input: [i, 1, 1, 1], metadata: { test: 'keys' } },
            { 'idempotency-key': key },
          )
          .catch(() => null);
        if (answer?.status === 200 || answer?.status === 202) {
          if (++answered === 40) restarted = restartApi();
          return answer.body.id;
        }
        expect([503, undefined]).toContain(answer?.status);
        await restarted;
      }
    };
    const sent = await Promise.all(
      keys.map(async (key, i) => {
        const ids = await Promise.all(
          [1, 0, 1, 0].map((api) => send(api === 0 ? apis[0] : apis[1], key, i)),
        );
        return new Set(ids);
      }),
    );
    await restarted;
    expect(sent.map(({ size }) => size)).toEqual(keys.map(() => 1));
    const { body } = await apis[1].get<{ data: JobView[]; next_cursor: string | null }>(
      '/v1/jobs?metadata.test=keys&limit=100',
    );
    expect(body.data).toHaveLength(keys.length);
    for (const [id = ''] of sent) {
      expect(await apis[1].ended({ id })).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
  });

  it('a stream of events that breaks anywhere, from any api, adds up exactly', async () => {
    const inputs = Array.from({ length: 300 }, (_, i) => [200 + (i % 7)]);
    const job = await apis[0].submit('slow', { inputs });
    const schedules = fc.sample(
      fc.array(fc.record({ api: fc.nat(1), events: fc.integer({ min: 1, max: 12 }) }), {
        minLength: 1,
        maxLength: 30,
      }),
      { numRuns: 30, seed },
    );
    const reads = schedules.map(async (cuts) => {
      const events: StreamedEvent[] = [];
      for (let i = 0; events.at(-1)?.event !== 'end'; i++) {
        const { api, events: count } = cuts[i] ?? { api: i % 2, events: Infinity };
        await read(api, job, events, count);
      }
      return events;
    });
    await apis[0].until<JobView>(`/v1/jobs/${job.id}`, ({ body }) => body.progress.done > 50);
    await restartApi();
    const ended = await apis[1].ended(job);
    expect(ended.outputs).toEqual(inputs.map((echo) => ({ echo })));
    for (const events of [...(await Promise.all(reads)), await follow(1, job)]) {
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      expect(events.map(({ event }) => event).indexOf('end')).toBe(events.length - 1);
      let next = 0;
      for (const { event, data } of events) {
        if (event === 'output') {
          const { from, outputs } = data as { from: number; outputs: unknown[] };
          expect(from).toBe(next);
          expect(outputs).toEqual(ended.outputs?.slice(from, from + outputs.length));
          next += outputs.length;
        } else if (event === 'progress') expect(data).toEqual({ done: next, total: 300 });
      }
      expect(next).toBe(300);
      expect((events.at(-1)?.data as JobView).outputs).toEqual(ended.outputs);
    }
  });

  it('a wait on one api, for a job of the other, outlives the worker that runs it', async () => {
    const jobs = await Promise.all(
      Array.from({ length: 8 }, () => apis[1].submit('slow', { inputs: Array(8).fill([3000]) })),
    );
    const waiting = jobs.map(({ id }) =>
      apis[0].withHeaders({ prefer: 'wait=60' }).get<JobView>(`/v1/jobs/${id}`),
    );
    const streams = jobs.map((job) => follow(1, job));
    await Promise.race(jobs.map((job) => apis[0].running(job)));
    const worker = foretell.app('worker');
    worker.kill('SIGKILL');
    for (const { status, body } of await Promise.all(waiting)) {
      expect([status, body.status, body.attempts]).toEqual([200, 'succeeded', 1]);
      expect(body.outputs).toHaveLength(8);
    }
    for (const events of await Promise.all(streams)) {
      const outputs = events
        .filter(({ event }) => event === 'output')
        .flatMap(({ data }) => (data as { outputs: unknown[] }).outputs);
      expect(outputs).toHaveLength(8);
    }
    await foretell.add('worker');
  });

  it('who waits is told of an end whose notification was lost, all of them', async () => {
    const job = await apis[0].submit('slow', { inputs: Array(1000).fill([1000]) });
    await apis[1].running(job);
    const waiting = apis.flatMap((client) =>
      Array.from({ length: 300 }, () =>
        client.withHeaders({ prefer: 'wait=60' }).get<JobView>(`/v1/jobs/${job.id}`),
      ),
    );
    // By the time these have been told that it runs, the others wait.
    const streams = await Promise.all(
      apis.map(({ url }) => EventStream.open(new URL(`/v1/jobs/${job.id}/events`, url))),
    );
    for (const stream of streams) await stream.events(({ event }) => event === 'output');
    await cutNotifications();
    expect((await apis[1].post(`/v1/jobs/${job.id}/cancel`, {})).status).toBe(200);
    for (const { status, body } of await Promise.all(waiting)) {
      expect([status, body.status, body.id]).toEqual([200, 'canceled', job.id]);
    }
    for (const stream of streams) {
      const [end] = (await stream.events()).slice(-1);
      expect(end).toMatchObject({ event: 'end', data: { status: 'canceled' } });
    }
    for (let round = 0; round < 10; round++) {
      await cutNotifications();
      const quick = apis.map((client) =>
        client.post<JobView>(iris, { input: [round, 1, 1, 1] }, { prefer: 'wait=60' }),
      );
      for (const { status, body } of await Promise.all(quick)) {
        expect([status, body.status]).toEqual([200, 'succeeded']);
      }
    }
  });
});

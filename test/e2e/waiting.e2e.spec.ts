import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { JobView } from '#libs/contracts';
import { EventStream, type StreamedEvent } from '#libs/testing';
import type { Client } from './support/client.js';
import { type App, Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';

const IRIS = { input: [5.1, 3.5, 1.4, 0.2] };
/** Of the slow model: a batch of two such rows takes some tenths of a second. */
const ITERATIONS = 5000;
const ROWS = 2;
const COUNT = 20;
const OUTPUTS = Array.from({ length: COUNT }, (_, i) => ({ echo: [ITERATIONS + i] }));
const MANY = { inputs: OUTPUTS.map(({ echo }) => echo) };
const WAIT = { prefer: 'wait=60' };
const WAITERS = 2000;

interface Known {
  id: string;
}

describe('two apis and two workers', () => {
  let foretell: Installation;
  let redis: Redis;
  let workers: App[];
  let clients: [Client, Client];

  beforeAll(async () => {
    const dir = await modelsDir('iris', 'fixture:masked_mean');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      `batching: { max_batch_size: ${ROWS}, max_queue_delay_ms: 0 }\n`,
    );
    foretell = await Installation.start({
      MODELS_DIR: dir,
      PUBLIC_URL: 'http://foretell.test',
      // The shortest that there can be: who takes nothing for 4 s is dropped.
      EVENTS_HEARTBEAT_S: '1',
    });
    const first = foretell.client;
    workers = [foretell.app('worker'), await foretell.add('worker')];
    await foretell.add('api');
    clients = [first, foretell.client];
    await foretell.client.untilSettled();
    redis = new Redis(foretell.redis.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await foretell.stop();
  });

  /** Jobs that are submitted meanwhile stay in their queue. */
  async function withoutWorkers<T>(task: () => Promise<T>): Promise<T> {
    for (const worker of workers) worker.kill('SIGSTOP');
    try {
      return await task();
    } finally {
      for (const worker of workers) worker.kill('SIGCONT');
    }
  }

  // Also after a test whose time was over.
  afterEach(() => {
    for (const worker of workers) worker.kill('SIGCONT');
  });

  const waitFor = (client: Client, { id }: Known, prefer = 'wait=60') =>
    client.withHeaders({ prefer }).get<JobView>(`/v1/jobs/${id}`);

  /** How often Redis has done a command since its counts were reset. */
  async function callsOf(command: string): Promise<number> {
    const stats = await redis.info('commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  async function until(wanted: () => Promise<boolean>): Promise<void> {
    while (!(await wanted())) await delay(20);
  }

  describe('Prefer: wait', () => {
    it('gets 200 and the result of a submission, once that is there', async () => {
      for (const route of ['/v1/models/iris/predict', '/v1/models/iris/versions/2/predict']) {
        const { status, headers, body } = await clients[0].post<JobView>(route, IRIS, WAIT);
        expect([status, body.status]).toEqual([200, 'succeeded']);
        expect(body.output).toMatchObject({ label: 'setosa' });
        expect(headers.get('preference-applied')).toBe('wait=60');
        expect(headers.get('vary')).toBe('Prefer');
        expect(headers.has('retry-after')).toBe(false);
      }
      const named = await clients[1].post('/predict', { ...IRIS, model: 'iris' }, WAIT);
      expect(named.status).toBe(200);
    });

    it.each([
      ['respond-async; foo="a, b", WAIT="1"', 'respond-async, wait=1'],
      ['wait=0', 'wait=0'],
      ['wait=soon, respond-async', 'respond-async'],
      ['wait=soon', null],
    ])('gets 202 for %p where the job takes longer', async (prefer, applied) => {
      const { status, headers, body } = await withoutWorkers(() =>
        clients[0].post<JobView>('/v1/models/iris/predict', IRIS, { prefer }),
      );
      expect([status, body.status]).toEqual([202, 'queued']);
      expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`);
      expect(headers.get('retry-after')).toBe('1');
      expect(headers.get('vary')).toBe('Prefer');
      expect(headers.get('preference-applied')).toBe(applied);
      const ended = await waitFor(clients[1], body, 'wait=3600');
      expect([ended.status, ended.body.status]).toEqual([200, 'succeeded']);
      expect(ended.headers.get('preference-applied')).toBe('wait=60');
    });

    it('gets the job as it stands where it only reads', async () => {
      await withoutWorkers(async () => {
        const job = await clients[0].submit('iris', IRIS);
        const { status, headers, body } = await waitFor(clients[1], job, 'wait=1');
        expect([status, body.status]).toEqual([200, 'queued']);
        expect(body.queue).toMatchObject({ position: expect.any(Number) });
        expect(headers.get('preference-applied')).toBe('wait=1');
        const plain = await clients[1].get<JobView>(`/jobs/${job.id}`);
        expect(plain.headers.get('vary')).toBe('Prefer');
        expect(plain.headers.has('preference-applied')).toBe(false);
      });
    });

    it('hears of an end that another api has brought about', async () => {
      await withoutWorkers(async () => {
        const job = await clients[0].submit('iris', IRIS);
        const waiting = waitFor(clients[1], job);
        await clients[0].post(`/v1/jobs/${job.id}/cancel`, {});
        expect((await waiting).body.status).toBe('canceled');
      });
    });

    it('hears of an end although the connection for that was cut', async () => {
      const waiting = await withoutWorkers(async () => {
        const job = await clients[0].submit('iris', IRIS);
        await redis.config('RESETSTAT');
        const answers = clients.map((client) => waitFor(client, job));
        await until(async () => (await callsOf('hmget')) >= 2);
        await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        return answers;
      });
      for (const answer of waiting) expect((await answer).body.status).toBe('succeeded');
    });

    it(`is held for ${WAITERS} at once on one api, and asks Redis no more than it must`, async () => {
      const waiting = await withoutWorkers(async () => {
        const jobs = await Promise.all(
          Array.from({ length: 10 }, () => clients[0].submit('iris', IRIS)),
        );
        await redis.config('RESETSTAT');
        const answers = Array.from({ length: WAITERS }, (_, i) =>
          waitFor(clients[1], jobs[i % jobs.length] ?? { id: '' }),
        );
        await until(async () => (await callsOf('hmget')) >= WAITERS);
        return answers;
      });
      const answers = await Promise.all(waiting);
      const statuses = answers.map(({ status, body }) => `${status} ${body.status}`);
      expect(new Set(statuses)).toEqual(new Set(['200 succeeded']));
      // When they begin to wait, and when their job has ended; few saw it running in between.
      expect(await callsOf('hmget')).toBeLessThan(2.5 * WAITERS);
    });

    it('is let go when its api is to stop', async () => {
      await withoutWorkers(async () => {
        const leaving = await foretell.add('api');
        const [{ client }, job] = [foretell, await clients[0].submit('iris', IRIS)];
        await redis.config('RESETSTAT');
        const reading = waitFor(client, job);
        const submitting = client.post<JobView>('/v1/models/iris/predict', IRIS, WAIT);
        await until(async () => (await callsOf('hmget')) >= 2);
        leaving.kill('SIGTERM');
        for (const [waiting, status] of [
          [reading, 200],
          [submitting, 202],
        ] as const) {
          const answer = await waiting;
          expect([answer.status, answer.body.status]).toEqual([status, 'queued']);
          // Kept alive it would keep the api.
          expect(answer.headers.get('connection')).toBe('close');
        }
        expect(await leaving.ended).toBe(0);
      });
    });

    it('reads nothing more for those that have hung up', async () => {
      await withoutWorkers(async () => {
        const [job, other] = [
          await clients[0].submit('iris', IRIS),
          await clients[0].submit('iris', IRIS),
        ];
        const hangUp = new AbortController();
        const url = new URL(`/v1/jobs/${job.id}`, clients[1].url);
        await redis.config('RESETSTAT');
        const waiting = Array.from({ length: 100 }, () =>
          fetch(url, { headers: WAIT, signal: hangUp.signal }).catch(() => 'hung up'),
        );
        const witness = waitFor(clients[1], other);
        await until(async () => (await callsOf('hmget')) >= 101);
        hangUp.abort();
        expect(new Set(await Promise.all(waiting))).toEqual(new Set(['hung up']));
        // Sooner or later only the witness looks when there are news of both.
        await until(async () => {
          await redis.config('RESETSTAT');
          await redis.publish('foretell:jobs', `${job.id} ${other.id}`);
          await until(async () => (await callsOf('hmget')) > 0);
          return (await callsOf('hmget')) === 1;
        });
        await clients[0].post(`/v1/jobs/${other.id}/cancel`, {});
        await witness;
      });
    });
  });

  describe('the events of a job', () => {
    const follow = (client: Client, { id }: Known, lastEventId?: string) =>
      EventStream.open(
        new URL(`/v1/jobs/${id}/events`, client.url),
        lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      );
    const is = (type: string) => (event: StreamedEvent) => event.event === type;

    /** Every output once and in order, and so every event; and the end as anybody can read it. */
    async function expectWhole(job: JobView, events: StreamedEvent[]): Promise<void> {
      const outputs = events
        .filter(is('output'))
        .flatMap(({ data }) => (data as { outputs: unknown[] }).outputs);
      expect(outputs).toEqual(OUTPUTS);
      const numbers = events.slice(0, -1).map(({ id = '' }) => Number(id.replace('1-', '')));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      const { body } = await clients[0].get<JobView>(`/v1/jobs/${job.id}`);
      expect(events.at(-1)).toEqual({ id: '1-end', event: 'end', data: body });
      expect(body.outputs).toEqual(OUTPUTS);
    }

    it('go on at another api, and at one that was started again, with nothing lost or repeated', async () => {
      const leaving = await foretell.add('api');
      const third = foretell.client;
      const job = await clients[0].submit('slow', MANY);
      const events: StreamedEvent[] = [];
      const takeFrom = async (client: Client, until: string) => {
        const stream = await follow(client, job, events.at(-1)?.id);
        events.push(...(await stream.events(is(until))));
        return stream;
      };
      (await takeFrom(clients[0], 'output')).close();
      (await takeFrom(clients[1], 'progress')).close();
      const stream = await takeFrom(third, 'output');
      leaving.kill('SIGTERM');
      // The api ends its streams, and then itself.
      events.push(...(await stream.events()));
      expect(events.some(is('end'))).toBe(false);
      expect(await leaving.ended).toBe(0);
      await foretell.add('api');
      await takeFrom(foretell.client, 'end');
      await expectWhole(job, events);
      // Parts came before the end, rather than all with it.
      expect(events.filter(is('output')).length).toBeGreaterThan(2);
    });

    it('are replayed after the end, from wherever a client was', async () => {
      const job = await clients[0].submit('slow', MANY);
      expect((await waitFor(clients[1], job)).body.status).toBe('succeeded');
      const all = await (await follow(clients[1], job)).events();
      await expectWhole(job, all);
      for (const [i, { id }] of all.slice(0, -1).entries()) {
        expect(await (await follow(clients[i % 2 ? 1 : 0], job, id)).events()).toEqual(
          all.slice(i + 1),
        );
      }
      const again = clients[0].withHeaders({ 'last-event-id': '1-end' });
      expect((await again.get(`/jobs/${job.id}/events`)).status).toBe(204);
    });

    it('are told on by another worker where the first one dies', async () => {
      const job = await clients[0].submit('slow', MANY);
      const stream = await follow(clients[1], job);
      const events = await stream.events(is('progress'));
      // Both, as either may have it.
      for (const worker of workers) worker.kill('SIGKILL');
      await Promise.all(workers.map((worker) => worker.ended));
      workers = [await foretell.add('worker'), await foretell.add('worker')];
      events.push(...(await stream.events()));
      await expectWhole(job, events);
    });

    it('are told on where the connection for news was cut', async () => {
      const job = await clients[0].submit('slow', MANY);
      const streams = await Promise.all(clients.map((client) => follow(client, job)));
      const events = await Promise.all(streams.map((stream) => stream.events(is('output'))));
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      for (const [i, stream] of streams.entries()) {
        await expectWhole(job, [...(events[i] ?? []), ...(await stream.events())]);
      }
    });

    it('are told to one who reads, and no longer to one who does not', async () => {
      // Far more than lies in the buffers between the two.
      const elements = 500_000;
      const instance = { x: Array(elements).fill(0.1), mask: Array(elements).fill(1) };
      const job = await clients[0].submit('masked_mean', { input: instance });
      const stream = await follow(clients[1], job);
      const whole = stream.events();
      const request = http.get(new URL(`/v1/jobs/${job.id}/events`, clients[1].url));
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.pause();
      const api = foretell.apps.filter(({ name }) => name === 'api')[1];
      const dropped = await api?.line(({ msg }) => msg === 'slow reader dropped');
      expect(dropped).toMatchObject({ job_id: job.id });
      response.destroy();
      const end = (await whole).at(-1);
      const { output } = end?.data as { output: { double: number[] } };
      expect(output.double).toHaveLength(elements);
    });

    it('are problems where there are none', async () => {
      const { status, body } = await clients[0].get('/v1/jobs/job_x/events');
      expect([status, body['code']]).toEqual([404, 'job-not-found']);
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { Socket } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { type Config, loadConfig } from '#libs/config';
import { type JobSpec, JobStore, newJobId, partitionOfModel } from '#libs/jobs';
import {
  EventStream,
  jobSpecOf,
  NO_TIME,
  startTestRedis,
  type StreamedEvent,
  type TestRedis,
} from '#libs/testing';
import { createApi } from '../create-api.js';
import { JobWatches } from './job.watches.js';

const MODEL = 'iris';
const COUNT = 6;
/** A job with the fence of whoever runs it. */
interface Run {
  id: string;
  fence: number;
}

describe('GET /v1/jobs/{id}/events', () => {
  let server: TestRedis;
  let redis: Redis;
  /** Of the apis, in the order in which they came in. */
  const connections: Socket[] = [];
  const warnings = new EventEmitter();
  const apis: NestFastifyApplication[] = [];
  let store: JobStore;
  let url: string;

  /** A whole api. @param heartbeatS shorter than a setting can be. */
  async function startApi(heartbeatS: number): Promise<string> {
    const config = loadConfig({ REDIS_URL: server.url, DOCS: 'false' });
    const { server: http } = config;
    const quicker: Config = { ...config, server: { ...http, EVENTS_HEARTBEAT_S: heartbeatS } };
    const api = await createApi(quicker, {
      log: quiet,
      error: quiet,
      warn: (_: unknown, message: string) => warnings.emit(message),
    });
    apis.push(api);
    api.getHttpServer().on('connection', (socket: Socket) => connections.push(socket));
    store = api.get(JobStore);
    await api.listen(0, '127.0.0.1');
    return api.getUrl();
  }

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    url = await startApi(60);
  });

  afterAll(async () => {
    redis.disconnect();
    // In this order: a connection that is up is left to the end of the process.
    await server.stop();
    await Promise.all(apis.map((api) => api.close()));
  });

  async function created(about: Partial<JobSpec> = {}): Promise<string> {
    const id = newJobId(partitionOfModel(MODEL));
    const spec: JobSpec = jobSpecOf(id, {
      count: COUNT,
      bytes: 1,
      many: true,
      createdAt: Date.now(),
      ...about,
    });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    return id;
  }

  async function begun(id: string): Promise<Run> {
    const [started] = await store.begin(MODEL, [id]);
    if (!started || !('fence' in started)) throw new Error(`${id} was not started`);
    return started;
  }

  const progress = ({ id, fence }: Run, done: number, outputs: unknown[]) =>
    store.progress(MODEL, { id, fence, done, outputs: JSON.stringify(outputs) });

  async function publish({ id, fence }: Run, outputs: unknown[] = ['a', 'b', 'c', 'd', 'e', 'f']) {
    const [done] = await store.publish(MODEL, [
      {
        job: { id, resultTtlS: 60 },
        fence,
        sentAt: Date.now(),
        result: {
          status: 'succeeded',
          outputs: JSON.stringify(outputs),
          done: outputs.length,
          timing: NO_TIME,
          batchSize: 1,
        },
      },
    ]);
    expect(done).toBe(true);
  }

  const pathOf = (id: string) => `${url}/v1/jobs/${id}/events`;
  const follow = (id: string, lastEventId?: string, at = pathOf(id)) =>
    EventStream.open(at, lastEventId === undefined ? {} : { 'last-event-id': lastEventId });
  const idsOf = (events: StreamedEvent[]) => events.map(({ id }) => id);
  const has = (id: string) => (event: StreamedEvent) => event.id === id;

  it('tells a job as it goes, and ends with it', async () => {
    const id = await created();
    const stream = await follow(id);
    expect(stream.response.headers.get('cache-control')).toBe('no-store');
    expect(stream.response.headers.get('x-accel-buffering')).toBe('no');
    expect(await stream.next()).toEqual({ retry: '2000' });
    expect(await stream.next()).toEqual({
      id: '1-0',
      event: 'status',
      data: { id, status: 'queued', attempt: 1 },
    });
    const run = await begun(id);
    expect(await stream.next()).toMatchObject({ id: '1-1', data: { status: 'running' } });
    await progress(run, 2, ['a', 'b']);
    expect(await stream.next()).toEqual({
      id: '1-4',
      event: 'output',
      data: { from: 0, outputs: ['a', 'b'] },
    });
    expect(await stream.next()).toEqual({
      id: '1-5',
      event: 'progress',
      data: { done: 2, total: COUNT },
    });
    await publish(run);
    const rest = await stream.events();
    expect(idsOf(rest)).toEqual(['1-12', '1-13', '1-end']);
    expect(rest[0]?.data).toEqual({ from: 2, outputs: ['c', 'd', 'e', 'f'] });
    const job = await fetch(`${url}/v1/jobs/${id}`);
    expect(rest[2]).toMatchObject({ event: 'end', data: await job.json() });
  });

  it('replays a job that has ended, and goes on where a client left it', async () => {
    const id = await created();
    await publish(await begun(id));
    const all = ['1-0', '1-1', '1-12', '1-13', '1-end'];
    expect(idsOf(await (await follow(id)).events())).toEqual(all);
    for (const [i, last] of all.slice(0, -1).entries()) {
      expect(idsOf(await (await follow(id, last)).events())).toEqual(all.slice(i + 1));
    }
    // Nothing is left to tell; a browser would come again after anything but this.
    const told = await fetch(pathOf(id), { headers: { 'last-event-id': '1-end' } });
    expect(told.status).toBe(204);
    expect(idsOf(await (await follow(id, 'x')).events())).toEqual(all);
  });

  it('has neither output nor progress for a job of one input, under the short path, too', async () => {
    const id = await created({ many: false, count: 1 });
    await publish(await begun(id), ['a']);
    const stream = await follow(id, undefined, `${url}/jobs/${id}/events`);
    const events = await stream.events();
    expect(idsOf(events)).toEqual(['1-0', '1-1', '1-end']);
    expect(events[2]?.data).toMatchObject({ status: 'succeeded', output: 'a' });
  });

  describe('of a text that is generated', () => {
    const textual = () => created({ many: false, count: 1, tellsText: true });
    const generated = (text: string, completion_tokens: number) => [
      { text, finish_reason: 'stop', usage: { prompt_tokens: 1, completion_tokens } },
    ];
    const tell = ({ id, fence }: Run, text: string, bytes: number, tokens: number) =>
      store.tellTexts([{ id, fence, text, bytes, tokens }]);

    it('tells it as it grows, to everybody from where they are', async () => {
      const id = await textual();
      const stream = await follow(id);
      const run = await begun(id);
      await stream.events(has('1-1'));
      await tell(run, 'Zwölf ', 7, 2);
      expect(await stream.next()).toEqual({
        id: '1-3.7',
        event: 'output',
        data: { from: 0, tokens: 2, text: 'Zwölf ' },
      });
      await tell(run, 'Box', 10, 3);
      expect(await stream.next()).toMatchObject({ id: '1-4.10', data: { from: 2, text: 'Box' } });
      const late = await follow(id);
      expect((await late.events(has('1-4.10'))).at(-1)?.data).toMatchObject({ text: 'Zwölf Box' });
      late.close();
      const again = await follow(id, '1-3.7');
      expect((await again.events(has('1-4.10'))).map(({ data }) => data)).toEqual([
        { from: 2, tokens: 1, text: 'Box' },
      ]);
      await publish(run, generated('Zwölf Boxkämpfer', 6));
      for (const each of [stream, again]) {
        const [rest, end] = await each.events();
        expect(rest).toMatchObject({ id: '1-7.18', data: { from: 3, text: 'kämpfer' } });
        expect(end).toMatchObject({ id: '1-end', data: { output: { text: 'Zwölf Boxkämpfer' } } });
      }
      expect(idsOf(await (await follow(id, '1-4.10')).events())).toEqual(['1-7.18', '1-end']);
      expect(idsOf(await (await follow(id)).events())).toEqual(['1-0', '1-1', '1-7.18', '1-end']);
    });

    it('goes on where a worker died and the same text comes again, in other pieces', async () => {
      const id = await textual();
      const stream = await follow(id);
      const first = await begun(id);
      await tell(first, 'Zwölf Box', 10, 3);
      await stream.events(has('1-4.10'));
      const second = await begun(id);
      expect(await tell(first, 'kämpfer', 18, 6)).toEqual(['refused']);
      await tell(second, 'Zwö', 4, 1);
      await tell(second, 'lf Boxkä', 13, 4);
      expect(await stream.next()).toMatchObject({
        id: '1-5.13',
        data: { from: 3, tokens: 1, text: 'kä' },
      });
      await publish(second, generated('Zwölf Boxkämpfer', 6));
      expect(idsOf(await stream.events())).toEqual(['1-7.18', '1-end']);
    });

    it('begins anew with the next attempt', async () => {
      const id = await textual();
      const stream = await follow(id);
      const { fence } = await begun(id);
      await tell({ id, fence }, 'Zwölf', 6, 2);
      await stream.events(has('1-3.6'));
      const error = { type: '', code: 'internal-error', title: '', detail: '' } as const;
      await store.tryAgain(MODEL, [{ id, fence, error: { ...error, retryable: true } }]);
      await stream.events(has('2-0'));
      const again = await begun(id);
      await tell(again, 'Zwölf', 6, 2);
      expect((await stream.events(has('2-3.6'))).at(-1)?.data).toMatchObject({ from: 0 });
      await publish(again, generated('Zwölf', 2));
      expect(idsOf(await stream.events())).toEqual(['2-end']);
    });
  });

  it('goes on beyond what was told where a worker died and the parts begin anew', async () => {
    const id = await created();
    const stream = await follow(id);
    const first = await begun(id);
    await progress(first, 2, ['a', 'b']);
    await progress(first, 3, ['c']);
    await stream.events(has('1-7'));
    const second = await begun(id);
    expect(await progress(first, 4, ['d'])).toBe(false);
    await progress(second, 1, ['a']);
    await progress(second, 4, ['b', 'c', 'd']);
    expect(await stream.next()).toMatchObject({ id: '1-8', data: { from: 3, outputs: ['d'] } });
    await publish(second);
    expect(idsOf(await stream.events())).toEqual(['1-9', '1-12', '1-13', '1-end']);
  });

  it('begins anew with the next attempt', async () => {
    const id = await created();
    const stream = await follow(id);
    const run = await begun(id);
    await progress(run, 2, ['a', 'b']);
    await stream.events(has('1-5'));
    const error = {
      type: '',
      code: 'internal-error',
      title: '',
      detail: '',
      retryable: true,
    } as const;
    await store.tryAgain(MODEL, [{ id, fence: run.fence, error }]);
    expect(await stream.next()).toMatchObject({ id: '2-0', data: { attempt: 2 } });
    const again = await begun(id);
    await progress(again, 1, ['a']);
    expect(idsOf(await stream.events(has('2-3')))).toEqual(['2-1', '2-2', '2-3']);
    stream.close();
    // What was told of the first attempt counts for nothing.
    expect(idsOf(await (await follow(id, '1-5')).events(has('2-3')))).toEqual([
      '2-0',
      '2-1',
      '2-2',
      '2-3',
    ]);
    await publish(again);
  });

  it('tells that a job was canceled', async () => {
    const id = await created();
    const stream = await follow(id);
    await stream.events(has('1-0'));
    await store.cancel(MODEL, [{ id, resultTtlS: 60 }]);
    const [end] = await stream.events();
    expect(end).toMatchObject({ id: '1-end', data: { status: 'canceled' } });
  });

  it('ends when the job is kept no longer', async () => {
    const id = await created();
    const stream = await follow(id);
    await stream.events(has('1-0'));
    await redis.del(...(await redis.keys(`*:job:${id}`)));
    await redis.publish('foretell:jobs', id);
    expect(await stream.events()).toEqual([]);
  });

  it('answers with a problem where there is nothing to follow', async () => {
    for (const id of [newJobId(1), 'meta']) {
      const answer = await fetch(pathOf(id));
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: 'job-not-found' });
    }
  });

  it('has no body for HEAD, and keeps nothing', async () => {
    const answer = await fetch(pathOf(await created()), { method: 'HEAD' });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(await answer.text()).toBe('');
  });

  it('goes on when Redis is there again for news, without having been told', async () => {
    const id = await created();
    const stream = await follow(id);
    await stream.events(has('1-0'));
    // Their connection is gone when the news are told; it comes back later.
    await redis.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub').exec();
    const run = await begun(id);
    await stream.events(has('1-1'));
    await publish(run);
    await stream.events();
  });

  it('keeps the line open, and looks, when there are no news', async () => {
    const id = await created();
    const lively = await startApi(0.02);
    const stream = await follow(id, undefined, `${lively}/v1/jobs/${id}/events`);
    await stream.events(has('1-0'));
    expect(await stream.next()).toEqual({});
    // Nobody is told of this.
    await redis.hset(
      (await redis.keys(`*:job:${id}`))[0] ?? '',
      'started_at',
      1,
      'status',
      'running',
    );
    expect((await stream.events(has('1-1'))).length).toBe(1);
    stream.close();
  });

  /** A job with more outputs than lie in the buffers between an api and a client that takes nothing. */
  async function large(): Promise<Run> {
    const run = await begun(await created({ count: 1000 }));
    for (let done = 1; done <= 200; done++) await progress(run, done, ['x'.repeat(100_000)]);
    return run;
  }

  /** Asks for the events of a job, and takes nothing of the answer. */
  async function takeNothing(at: string, { id }: Run): Promise<http.IncomingMessage> {
    const request = http.get(`${at}/v1/jobs/${id}/events`);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    return response.pause();
  }

  /** Resolves when a connection has for some time not moved a byte that it should. */
  async function stalled(connection: Socket | undefined): Promise<void> {
    let bytes = 0;
    for (let still = 0; still < 50; still++) {
      await redis.ping();
      if (!connection?.writableNeedDrain || connection.bytesWritten !== bytes) still = 0;
      bytes = connection?.bytesWritten ?? 0;
    }
  }

  it('reads no further than a slow reader takes, and drops one that takes nothing', async () => {
    const run = await large();
    const impatient = await startApi(0.1);
    await redis.config('RESETSTAT');
    const dropped = once(warnings, 'slow reader dropped');
    const response = await takeNothing(impatient, run);
    await dropped;
    const stats = await redis.info('commandstats');
    const reads = Number(/cmdstat_lrange:calls=(\d+)/.exec(stats)?.[1]);
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThan(45);
    response.destroy();
  });

  it('reads nothing more for a client that has hung up', async () => {
    const [id, other] = [await created(), await created()];
    connections.length = 0;
    const stream = await follow(id);
    await stream.events(has('1-0'));
    const [connection] = connections;
    if (!connection) throw new Error('no connection was seen');
    const witness = await follow(other);
    await witness.events(has('1-0'));
    const closed = once(connection, 'close');
    stream.close();
    await closed;
    await redis.config('RESETSTAT');
    await begun(id);
    await begun(other);
    await witness.events(has('1-1'));
    witness.close();
    // Each of the two scripts reads once, and so does the witness.
    expect(await redis.info('commandstats')).toContain('cmdstat_hmget:calls=3,');
  });

  it('ends when the process is to stop, for a reader that is slow, too', async () => {
    const run = await large();
    const id = await created();
    const stopping = await startApi(60);
    connections.length = 0;
    const slow = await takeNothing(stopping, run);
    await stalled(connections[0]);
    const stream = await follow(id, undefined, `${stopping}/v1/jobs/${id}/events`);
    await stream.events(has('1-0'));
    const api = apis.at(-1);
    api?.get(JobWatches).onModuleDestroy();
    await api?.getHttpAdapter().close();
    expect(await stream.events()).toEqual([]);
    slow.destroy();
    // It goes on elsewhere.
    await publish(await begun(id));
    expect(idsOf(await (await follow(id, '1-0')).events())[0]).toBe('1-1');
  });
});

function quiet(): void {
  // Nobody reads it.
}

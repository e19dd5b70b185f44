import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Registry } from 'prom-client';
import { Webhook } from 'standardwebhooks';
import { clock } from '#libs/clock';
import { ConfigModule, loadConfig } from '#libs/config';
import { jobProblem, type WebhookPayload } from '#libs/contracts';
import {
  DeliveryLog,
  DeliverySchedule,
  JobIndex,
  JobsModule,
  type JobSpec,
  JobStore,
  newJobId,
  Outbox,
  partitionOfModel,
  Receivers,
} from '#libs/jobs';
import { TelemetryModule } from '#libs/telemetry';
import { jobSpecOf, NO_TIME, startTestRedis, type TestRedis } from '#libs/testing';
import { OutboundClient } from '#libs/webhooks';
import { DeliveryModule } from './delivery.module.js';
import { DeliveryService } from './delivery.service.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const MODEL = 'iris';
const HOUR_MS = 3_600_000;
const START = Date.parse('2026-11-21T00:00:00Z');
/** Everything but the time of day goes on as it is. */
const TIMERS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'nextTick',
  'queueMicrotask',
  'performance',
  'hrtime',
] as const;

@Module({})
class Root {}

interface Came {
  at: number;
  headers: Record<string, string>;
  body: string;
}

describe('DeliveryService', () => {
  let redis: TestRedis;
  let client: Redis;
  let app: INestApplicationContext;
  let server: Server;
  let url: string;
  let answer: RequestListener;
  let came: Came[];
  let registry: Registry;
  let store: JobStore;
  let log: DeliveryLog;
  let outbox: Outbox;
  let schedule: DeliverySchedule;
  let sut: DeliveryService;

  beforeAll(async () => {
    redis = await startTestRedis();
    client = new Redis(redis.url);
    const config = loadConfig({
      REDIS_URL: redis.url,
      WEBHOOK_SECRET: SECRET,
      OUTBOUND_ALLOW: '127.0.0.1',
    });
    const root = {
      module: Root,
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule.forRoot('courier'),
        JobsModule.forRoot({ failFast: false }),
        DeliveryModule,
      ],
    };
    app = await NestFactory.createApplicationContext(root, { logger: false });
    registry = app.get(Registry);
    store = app.get(JobStore);
    log = app.get(DeliveryLog);
    outbox = app.get(Outbox);
    schedule = app.get(DeliverySchedule);
    sut = app.get(DeliveryService);
    server = createServer((request, response) => {
      void text(request).then((body) => {
        const headers = request.headers as Record<string, string>;
        came.push({ at: Date.now(), headers, body });
        answer(request, response);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hook?job=`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    client.disconnect();
    await app.get(OutboundClient).close();
    // In this order: a connection that is up is left to the end of the process.
    await redis.stop();
    await app.close();
  });

  beforeEach(async () => {
    await client.flushall();
    came = [];
    jest.useFakeTimers({ doNotFake: [...TIMERS], now: START });
    jest.spyOn(clock, 'now').mockImplementation(() => Date.now());
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const answering = (status: number, headers: Record<string, string> = {}, body = '') => {
    answer = (_, response) => response.writeHead(status, headers).end(body);
  };

  /** A job that was canceled this instant. */
  async function canceled(about: Partial<JobSpec> = {}): Promise<JobSpec> {
    const id = newJobId(partitionOfModel(MODEL));
    const webhook = { url: url + id, events: ['canceled' as const] };
    const spec = jobSpecOf(id, { createdAt: Date.now(), owner: 'ann', webhook, ...about });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    await store.cancel(MODEL, [spec]);
    return spec;
  }

  async function relay(): Promise<void> {
    const owed = await outbox.first(MODEL, 100);
    await schedule.add(owed);
    await outbox.clear(MODEL, owed);
  }

  /** Delivers what is due at this moment. @returns when there is more. */
  async function round(): Promise<number> {
    await relay();
    const { deliveries, next } = await schedule.take(Date.now(), 60_000, 100);
    for (const delivery of deliveries) {
      await schedule.settle(delivery.member, await sut.deliver(delivery));
    }
    return deliveries.length > 0 ? (await schedule.take(Date.now(), 60_000, 0)).next : next;
  }

  /** Lets time pass until nothing waits any more, or until `untilMs`. */
  async function days(untilMs = Infinity): Promise<void> {
    for (;;) {
      const next = await round();
      if (next === Infinity || next > untilMs) return;
      jest.setSystemTime(next);
    }
  }

  /** Whether a job's time is over by then. */
  const isOverAt = async (ms: number) => (await app.get(JobIndex).over(MODEL, ms, 10)).length > 0;

  const viewOf = async (job: JobSpec) => {
    const { data } = await log.page(job.id, { after: 0, limit: 10 });
    return data[0];
  };

  it('tries for days, under one id, signed anew each time, and then gives up', async () => {
    answering(500, {}, 'not today');
    const job = await canceled();
    await days();
    expect(came.length).toBe(18);
    const spanMs = (came.at(-1)?.at ?? 0) - START;
    expect(spanMs).toBeGreaterThanOrEqual(72 * HOUR_MS);
    expect(new Set(came.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(came.map(({ body }) => body)).size).toBe(1);
    for (const { at, headers, body } of came) {
      jest.setSystemTime(at);
      expect(headers['webhook-timestamp']).toBe(String(Math.floor(at / 1000)));
      expect(() => new Webhook(SECRET).verify(body, headers)).not.toThrow();
    }
    const gaps = came.slice(1).map(({ at }, i) => at - (came[i]?.at ?? 0));
    gaps.forEach((gap, i) => {
      expect(gap).toBeGreaterThanOrEqual(0.7 * 5000 * 2 ** i);
      expect(gap).toBeLessThanOrEqual(5000 * 2 ** i + 1);
    });
    const view = await viewOf(job);
    expect(view).toMatchObject({ status: 'failed', failure: 'attempts-exhausted', attempts: 18 });
    expect(view?.attempt_log[0]).toMatchObject({
      attempt: 1,
      at: new Date(START).toISOString(),
      outcome: 'refused',
      status: 500,
      response: 'not today',
      error: null,
    });
  });

  it('waits as long as the receiver asks', async () => {
    answering(429, { 'retry-after': '600' });
    await canceled();
    expect(await round()).toBe(START + 600_000);
    jest.setSystemTime(START + 600_000);
    answering(503, { 'retry-after': new Date(START + HOUR_MS).toUTCString() });
    expect(await round()).toBe(START + HOUR_MS);
    jest.setSystemTime(START + HOUR_MS);
    answering(204);
    expect(await round()).toBe(Infinity);
    expect(came).toHaveLength(3);
  });

  it('stops at a 410, and sends that receiver nothing more until it is enabled', async () => {
    answering(410);
    const target = { url: `${url}shared`, events: ['canceled' as const] };
    const job = await canceled({ webhook: target });
    await days();
    expect(await viewOf(job)).toMatchObject({
      status: 'failed',
      failure: 'receiver-gone',
      attempt_log: [{ outcome: 'gone', status: 410 }],
    });
    const next = await canceled({ webhook: target });
    const others = await canceled({ webhook: target, owner: 'bob' });
    answering(204);
    await days();
    expect(await viewOf(next)).toMatchObject({
      status: 'failed',
      failure: 'receiver-disabled',
      attempts: 0,
    });
    expect((await viewOf(others))?.status).toBe('delivered');
    expect(came).toHaveLength(2);
    const receivers = app.get(Receivers);
    const { data } = await receivers.list('ann', { limit: 10 });
    const known = data.find((receiver) => receiver.url === target.url);
    expect(known?.disabled_because).toBe('gone');
    await receivers.enable('ann', known?.id ?? '');
    const later = await canceled({ webhook: target });
    await days();
    expect((await viewOf(later))?.status).toBe('delivered');
    expect(await receivers.find({ owner: 'ann', url: target.url })).toBeNull();
  });

  it('sends again what is asked for, although its receiver is disabled, which enables it', async () => {
    answering(410);
    const job = await canceled();
    await days();
    answering(200);
    await log.redeliver(job.id, MODEL);
    await days();
    const attempts = [{ outcome: 'gone' }, { outcome: 'delivered', attempt: 2 }];
    expect(await viewOf(job)).toMatchObject({ status: 'delivered', attempt_log: attempts });
    const ids = came.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([ids[0], ids[0]]);
    expect(await app.get(Receivers).find({ owner: 'ann', url: url + job.id })).toBeNull();
  });

  it('tries what was sent again as often as it did at first', async () => {
    answering(500);
    const job = await canceled();
    await days();
    expect(await log.redeliverFailed('ann', START)).toBeGreaterThanOrEqual(1);
    await days();
    expect((await viewOf(job))?.attempts).toBeGreaterThan(30);
    expect(came.length).toBe((await viewOf(job))?.attempts);
  });

  it('sends nothing to a receiver that nothing was delivered to for days', async () => {
    answering(500);
    const webhook = { url: `${url}dead`, events: ['canceled' as const] };
    await canceled({ webhook });
    await days(START + 100 * HOUR_MS);
    jest.setSystemTime(START + 121 * HOUR_MS);
    const job = await canceled({ webhook });
    await round();
    expect((await viewOf(job))?.attempts).toBe(1);
    const before = came.length;
    await days();
    expect(await viewOf(job)).toMatchObject({ failure: 'receiver-disabled', attempts: 1 });
    expect(came.length - before).toBeLessThanOrEqual(1);
    const disabled = await registry.getSingleMetricAsString(
      'foretell_webhook_receivers_disabled_total',
    );
    expect(disabled).toMatch(/ [1-9]$/m);
  });

  it('gives up at once what may not be called', async () => {
    const job = await canceled({ webhook: { url: 'http://localhost:9/', events: ['canceled'] } });
    await days();
    expect(came).toEqual([]);
    expect(await viewOf(job)).toMatchObject({
      status: 'failed',
      failure: 'url-forbidden',
      attempt_log: [{ outcome: 'forbidden', status: null, response: null }],
    });
  });

  it('tells each event as it was, in order, and lets the job go when all of them are told', async () => {
    answering(204);
    const id = newJobId(partitionOfModel(MODEL));
    const webhook = { url, events: ['started' as const, 'canceled' as const] };
    const spec = jobSpecOf(id, { webhook, createdAt: START, resultTtlS: 60 });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    await store.begin(MODEL, [id]);
    await store.cancel(MODEL, [spec]);
    await round();
    expect(await isOverAt(START + 100 * HOUR_MS)).toBe(false);
    await round();
    expect(await isOverAt(START + 60_000)).toBe(true);
    const told = came.map(({ body }) => JSON.parse(body) as WebhookPayload);
    expect(told).toMatchObject([
      { type: 'job.started', sequence: 1, data: { id, status: 'running', error: null } },
      { type: 'job.canceled', sequence: 2, data: { id, status: 'canceled' } },
    ]);
  });

  it('waits as long although a courier that was slow puts the event into the schedule once more', async () => {
    answering(429, { 'retry-after': '600' });
    await canceled();
    const owed = await outbox.first(MODEL, 1);
    await round();
    await schedule.add(owed);
    expect(await round()).toBe(START + 600_000);
    expect(came).toHaveLength(1);
  });

  it('does not lose what is asked for while it is given up', async () => {
    const job = await canceled();
    await relay();
    const [delivery] = (await schedule.take(Date.now(), 60_000, 1)).deliveries;
    if (!delivery) throw new Error('nothing is due');
    answering(410);
    const settlement = await sut.deliver(delivery);
    expect((await viewOf(job))?.status).toBe('failed');
    expect(await log.redeliver(job.id, MODEL)).toBe(1);
    await relay();
    await schedule.settle(delivery.member, settlement);
    answering(204);
    await days();
    expect((await viewOf(job))?.status).toBe('delivered');
  });

  it('does not lose sight of a failure that is looked for while it is written down', async () => {
    answering(410);
    const job = await canceled();
    const write = jest.spyOn(log, 'write').mockImplementationOnce(async (...args) => {
      await log.redeliverFailed('ann', START);
      return log.write(...args);
    });
    await days();
    write.mockRestore();
    expect((await viewOf(job))?.status).toBe('failed');
    expect(await log.redeliverFailed('ann', START)).toBe(1);
  });

  it('tells the same of a failure after the job was tried again', async () => {
    answering(500);
    const id = newJobId(partitionOfModel(MODEL));
    const webhook = { url, events: ['failed' as const] };
    const spec = jobSpecOf(id, { webhook, createdAt: START, count: 2 });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    const [begun] = await store.begin(MODEL, [id]);
    const fence = begun && 'fence' in begun ? begun.fence : 0;
    const error = jobProblem('inference-failed', '');
    const result = { status: 'failed', error, done: 1, timing: NO_TIME, batchSize: 2 } as const;
    await store.publish(MODEL, [{ job: spec, fence, sentAt: START, result }]);
    const next = await round();
    const record = await store.find(id);
    if (record) await store.retry(record, 1);
    await store.cancel(MODEL, [spec]);
    jest.setSystemTime(next);
    await round();
    expect(came).toHaveLength(2);
    expect(came[1]?.body).toBe(came[0]?.body);
  });

  it('gives up what tells of outputs that are lost', async () => {
    const id = newJobId(partitionOfModel(MODEL));
    const webhook = { url, events: ['succeeded' as const] };
    const spec = jobSpecOf(id, { webhook, createdAt: START });
    await store.create(MODEL, [{ spec, input: '\n1', turn: 1 }]);
    const result = { status: 'succeeded', done: 1, timing: NO_TIME, batchSize: 1 } as const;
    const ended = {
      job: spec,
      fence: 0,
      sentAt: START,
      result,
      outputsApart: 'outputs-1',
    } as const;
    await store.publish(MODEL, [ended]);
    await days();
    expect(await viewOf(spec)).toMatchObject({ status: 'failed', failure: 'outputs-lost' });
    expect(came).toEqual([]);
  });

  it('sends nothing twice that a courier before it has delivered, or whose job is gone', async () => {
    answering(204);
    const job = await canceled();
    await relay();
    const { deliveries } = await schedule.take(Date.now(), 60_000, 1);
    const [delivery] = deliveries;
    if (!delivery) throw new Error('nothing is due');
    await sut.deliver(delivery);
    // It was killed before it could settle this.
    expect(await sut.deliver(delivery)).toEqual({});
    expect(came).toHaveLength(1);
    await schedule.settle(delivery.member, {});
    expect((await viewOf(job))?.attempts).toBe(1);
    expect(await sut.deliver({ ...delivery, jobId: newJobId(1) })).toEqual({});
    expect(came).toHaveLength(1);
  });
});

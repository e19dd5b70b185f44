import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { Webhook } from 'standardwebhooks';
import type { DeliveryAttempt, DeliveryView, JobView, WebhookPayload } from '#libs/contracts';
import { startTestDns } from '#libs/testing';
import { Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { type Received, Receiver } from './support/receiver.js';

const PREDICT = '/v1/models/iris/predict';
/** Iterations that keep the slow model busy for about a second. */
const SECOND = [20_000];

interface Problem {
  code: string;
  errors?: { pointer: string }[];
}

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`;

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a webhook', () => {
  let foretell: Installation;
  let receiver: Receiver;
  let url: string;

  beforeAll(async () => {
    foretell = await Installation.start({ WEBHOOK_SECRET: SECRET, WEBHOOK_FIRST_RETRY_MS: '50' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.start();
  });

  afterEach(() => {
    receiver.stop();
  });

  it('arrives at the end of the job, signed after Standard Webhooks', async () => {
    const job = await foretell.client.submit(
      'iris',
      { input: [5.1, 3.5, 1.4, 0.2], webhook: { url } },
      { 'x-request-id': 'order-1', traceparent: TRACEPARENT },
    );
    const [{ headers, body }] = (await receiver.count(1)) as [Received];
    const payload = new Webhook(SECRET).verify(
      body,
      headers as Record<string, string>,
    ) as WebhookPayload;
    expect(payload.type).toBe('job.succeeded');
    expect(payload.timestamp).toBe(payload.data.ended_at);
    expect(payload.sequence).toBe(1);
    expect(headers['webhook-id']).toBe(`msg_${job.id.slice(4)}_1`);
    const { body: polled } = await foretell.client.get<JobView>(`/v1/jobs/${job.id}`);
    const { status_url, events_url, cancel_url, ...same } = polled;
    expect(payload.data).toMatchObject(same);
    // The courier does not know by which address this client reached the api.
    const { data } = payload;
    const told = [data.status_url, data.events_url, data.cancel_url];
    const pathOf = (url: string) => new URL(url).pathname;
    expect(told.map(pathOf)).toEqual([status_url, events_url, cancel_url].map(pathOf));
    expect(headers['content-type']).toBe('application/json');
    expect(headers['traceparent']).toBe(TRACEPARENT);
    await foretell
      .app('courier')
      .line(
        (l) =>
          l.msg === 'webhook delivered' && l['job_id'] === job.id && l['request_id'] === 'order-1',
      );
  });

  it('is tried again after an error, under the same id, signed anew, and a redirect is an error', async () => {
    receiver.answers = [500, 302];
    await foretell.client.submit('iris', { input: [5.1, 3.5, 1.4, 0.2], webhook: { url } });
    const attempts = await receiver.count(3);
    expect(new Set(attempts.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const { headers, body } of attempts) {
      expect(() =>
        new Webhook(SECRET).verify(body, headers as Record<string, string>),
      ).not.toThrow();
    }
  });

  it('tells only of the events that were asked for', async () => {
    const quiet = await foretell.client.submit('iris', {
      input: [1, 2, 3, 4],
      webhook: { url, events: ['failed'] },
    });
    await foretell.client.ended(quiet);
    const loud = await foretell.client.submit('iris', {
      input: [1, 2, 3, 4],
      webhook: { url, events: ['succeeded'] },
    });
    const [{ body }] = (await receiver.count(1)) as [Received];
    expect((JSON.parse(body) as WebhookPayload).data.id).toBe(loud.id);
  });
});

describe('the events of a job', () => {
  let foretell: Installation;
  let receiver: Receiver;
  let url: string;

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    const batching = 'batching: { max_batch_size: 1, max_queue_delay_ms: 0 }\n';
    await writeFile(path.join(dir, 'slow/model.yaml'), batching);
    foretell = await Installation.start({ MODELS_DIR: dir });
    receiver = new Receiver();
    url = await receiver.start();
  });

  afterAll(async () => {
    receiver.stop();
    await foretell.stop();
  });

  const told = async (count: number) =>
    (await receiver.count(count)).map(({ body }) => JSON.parse(body) as WebhookPayload);

  it('come in their order, numbered, each with the job as it was then', async () => {
    const events = ['started', 'progress', 'succeeded'];
    // Some seconds, of which progress is told once in each at most.
    const inputs = Array.from({ length: 6 }, () => SECOND);
    const job = await foretell.client.submit('slow', { inputs, webhook: { url, events } });
    const first = await told(2);
    const ended = await foretell.client.ended(job);
    while ((await told(receiver.received.length)).at(-1)?.type !== 'job.succeeded') {
      await receiver.count(receiver.received.length + 1);
    }
    const all = await told(receiver.received.length);
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i + 1));
    const [start, ...rest] = all;
    expect(start).toMatchObject({
      type: 'job.started',
      data: { id: job.id, status: 'running', progress: { done: 0, total: 6 }, outputs: null },
    });
    expect(start?.timestamp).toBe(ended.started_at);
    const end = rest.pop();
    expect(end?.data).toMatchObject({ outputs: ended.outputs, ended_at: ended.ended_at });
    expect(first[1]?.type).toBe('job.progress');
    expect(rest.length).toBeGreaterThanOrEqual(1);
    expect(rest.length).toBeLessThan(6);
    for (const { type, data } of rest) {
      expect(type).toBe('job.progress');
      expect(data).toMatchObject({ status: 'running', ended_at: null, outputs: null, error: null });
    }
    const done = rest.map(({ data }) => data.progress.done);
    expect(done).toEqual([...new Set(done)].sort());
  });

  it('say that a job has started also where it ends in the same step', async () => {
    const from = receiver.received.length;
    const events = ['started', 'succeeded'];
    await foretell.client.predict('iris', {
      input: [5.1, 3.5, 1.4, 0.2],
      webhook: { url, events },
    });
    const both = (await told(from + 2)).slice(from);
    expect(both.map(({ type, sequence }) => [type, sequence])).toEqual([
      ['job.started', 1],
      ['job.succeeded', 2],
    ]);
  });

  it('say that it was canceled, and that it came too late', async () => {
    const from = receiver.received.length;
    const busy = await foretell.client.submit('slow', { input: SECOND });
    const canceled = await foretell.client.submit('slow', { input: SECOND, webhook: { url } });
    const expired = await foretell.client.submit('slow', {
      input: SECOND,
      queue_timeout_s: 0.1,
      webhook: { url },
    });
    await foretell.client.post(`/v1/jobs/${canceled.id}/cancel`, '');
    const ends = (await told(from + 2)).slice(from);
    expect(new Map(ends.map(({ type, data }) => [data.id, type]))).toEqual(
      new Map([
        [canceled.id, 'job.canceled'],
        [expired.id, 'job.expired'],
      ]),
    );
    await foretell.client.ended(busy);
  });
});

describe('receivers at their worst', () => {
  let foretell: Installation;
  const servers: Server[] = [];

  beforeAll(async () => {
    foretell = await Installation.start({ WEBHOOK_FIRST_RETRY_MS: '20', WEBHOOK_TIMEOUT_S: '1' });
  });

  afterAll(async () => {
    await foretell.stop();
    for (const server of servers) server.close();
  });

  /** @param misbehave with every connection. */
  async function badReceiver(server: Server, misbehave: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    server.on(
      server instanceof HttpsServer ? 'secureConnection' : 'connection',
      (socket: Socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        misbehave(socket);
      },
    );
    server.on('close', () => sockets.forEach((socket) => socket.destroy()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  const OK = 'HTTP/1.1 200 OK\r\n';
  const BEHAVIOURS: [string, Partial<DeliveryAttempt>, (socket: Socket) => void][] = [
    ['answers 500', { outcome: 'refused', status: 500, response: 'no' }, answering(500, '', 'no')],
    [
      'redirects',
      { outcome: 'refused', status: 302 },
      answering(302, 'location: http://[::1]/\r\n'),
    ],
    [
      'has enough of it',
      { outcome: 'refused', status: 429 },
      answering(429, 'retry-after: 3600\r\n'),
    ],
    ['hangs', { outcome: 'timed-out', status: null }, () => undefined],
    [
      'drips its headers',
      { outcome: 'timed-out', status: null },
      (socket) => drip(socket, `${OK}x-slow: ${'x'.repeat(1000)}`),
    ],
    [
      'drips its body, which nobody waits for',
      { outcome: 'delivered', status: 200 },
      (socket) => {
        socket.write(`${OK}content-length: 1000\r\n\r\n`);
        drip(socket, 'y'.repeat(1000));
      },
    ],
    [
      'sends a gigabyte, which nobody reads',
      { outcome: 'delivered', status: 200, response: 'z'.repeat(1024) },
      (socket) => {
        socket.write(`${OK}content-length: 1000000000\r\n\r\n`);
        const more = () => {
          while (socket.writable && socket.write(Buffer.alloc(65_536, 'z')));
        };
        socket.on('drain', more);
        more();
      },
    ],
    ['resets', { outcome: 'unreachable', status: null }, (socket) => socket.resetAndDestroy()],
    ['speaks no HTTP', { outcome: 'unreachable', status: null }, (socket) => socket.end('hello\n')],
  ];

  function answering(status: number, headers = '', body = ''): (socket: Socket) => void {
    const head = `HTTP/1.1 ${String(status)} X\r\n${headers}content-length: ${String(body.length)}\r\n\r\n`;
    return (socket) => socket.on('data', () => socket.write(head + body));
  }

  function drip(socket: Socket, text: string): void {
    let at = 0;
    const timer = setInterval(() => socket.write(text[at++] ?? ' '), 100);
    socket.on('close', () => {
      clearInterval(timer);
    });
  }

  /** The first attempt to tell of a job, as its log has it. */
  async function firstAttempt(url: string): Promise<[DeliveryAttempt, DeliveryView]> {
    const job = await foretell.client.submit('iris', { input: [1, 2, 3, 4], webhook: { url } });
    const { body } = await foretell.client.until<{ data: DeliveryView[] }>(
      `/v1/jobs/${job.id}/deliveries`,
      (answer) => (answer.body.data[0]?.attempts ?? 0) > 0,
    );
    const [view] = body.data;
    const [attempt] = view?.attempt_log ?? [];
    if (!view || !attempt) throw new Error('there was no attempt');
    return [attempt, view];
  }

  it.each(BEHAVIOURS)('one that %s', async (_, expected, misbehave) => {
    const port = await badReceiver(createServer(), misbehave);
    const [attempt, view] = await firstAttempt(`http://127.0.0.1:${String(port)}/`);
    expect(attempt).toMatchObject({ attempt: 1, ...expected });
    const delivered = expected.outcome === 'delivered';
    expect(view.status).toBe(delivered ? 'delivered' : 'pending');
    if (expected.status === 429) {
      const waitMs = Date.parse(view.next_attempt_at ?? '') - Date.parse(attempt.at);
      expect(waitMs).toBeGreaterThanOrEqual(3_600_000);
    }
  });

  it('one that shows a certificate nobody has signed', async () => {
    const tls = path.join(import.meta.dirname, '../fixtures/tls');
    const [key, cert] = await Promise.all(
      ['key', 'cert'].map((name) => readFile(path.join(tls, `self-signed.${name}.pem`))),
    );
    let requests = 0;
    const port = await badReceiver(
      createHttpsServer({ key, cert }, () => requests++),
      () => undefined,
    );
    const [attempt] = await firstAttempt(`https://127.0.0.1:${String(port)}/`);
    expect(attempt).toMatchObject({ outcome: 'unreachable', status: null });
    expect(attempt.error).toMatch(/CERT/);
    expect(requests).toBe(0);
  });
});

describe('a name that changes its mind', () => {
  it('is refused when it leads inside, at submission and afterwards, and never called', async () => {
    const receiver = new Receiver();
    const { port } = new URL(await receiver.start());
    let addresses: Record<string, readonly string[]> = {};
    const dns = await startTestDns((name, type) => (type === 'A' ? (addresses[name] ?? []) : []));
    const foretell = await Installation.start({
      OUTBOUND_DNS: dns.address,
      OUTBOUND_ALLOW: `*:${port}`,
    });
    const body = (host: string) => ({
      input: [1, 2, 3, 4],
      webhook: { url: `http://${host}:${port}/` },
    });
    const submit = (host: string) => foretell.client.post<Problem>(PREDICT, body(host));
    addresses = {
      'inside.example.com': ['127.0.0.1'],
      'mixed.example.com': ['93.184.215.14', '169.254.169.254'],
      'turning.example.com': ['93.184.215.14'],
    };
    for (const host of ['inside.example.com', 'mixed.example.com']) {
      const { status, body: problem } = await submit(host);
      expect([status, problem.code]).toEqual([422, 'url-forbidden']);
      expect(problem.errors?.[0]?.pointer).toBe('/webhook/url');
    }
    const courier = foretell.app('courier');
    courier.kill('SIGKILL');
    await courier.ended;
    const job = await foretell.client.submit('iris', body('turning.example.com'));
    addresses['turning.example.com'] = ['127.0.0.1'];
    await foretell.add('courier');
    const { body: log } = await foretell.client.until<{ data: DeliveryView[] }>(
      `/v1/jobs/${job.id}/deliveries`,
      (answer) => answer.body.data[0]?.status === 'failed',
    );
    expect(log.data).toMatchObject([
      { failure: 'url-forbidden', attempts: 1, attempt_log: [{ outcome: 'forbidden' }] },
    ]);
    await foretell
      .app('courier')
      .line((l) => l.msg === 'webhook given up' && l['job_id'] === job.id);
    expect(receiver.received).toEqual([]);
    await foretell.stop();
    await dns.stop();
    receiver.stop();
  });
});

describe('a webhook that is owed when the courier is not there', () => {
  it('is delivered by the next one', async () => {
    const receiver = new Receiver();
    const url = await receiver.start();
    const foretell = await Installation.start({}, ['api', 'worker']);
    const job = await foretell.client.predict('iris', {
      input: [5.1, 3.5, 1.4, 0.2],
      webhook: { url },
    });
    await foretell.add('courier');
    const [{ body }] = (await receiver.count(1)) as [Received];
    expect((JSON.parse(body) as WebhookPayload).data.id).toBe(job.id);
    receiver.stop();
    await foretell.stop();
  });
});

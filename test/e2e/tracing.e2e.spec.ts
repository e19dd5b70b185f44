import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Installation, runners } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { type CollectedSpan, OtlpCollector } from './support/otlp-collector.js';
import { Receiver } from './support/receiver.js';

const KEY = 'a-key-that-no-span-has';
const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`;
const INPUT = [5.0625, 3.5, 1.4, 0.2];
/** Iterations that keep the slow model busy for about a second. */
const SECOND = [20_000];
const QUICK = [1];

/** A caller's own span. */
function callers(flags = '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

function only(spans: readonly (CollectedSpan | undefined)[]): CollectedSpan {
  const [span, ...others] = spans;
  expect(others.map((other) => other?.name)).toEqual([]);
  if (!span) throw new Error('there is no such span');
  return span;
}

describe('a trace', () => {
  const collector = new OtlpCollector();
  const receiver = new Receiver();
  let hook: string;
  let foretell: Installation;

  beforeAll(async () => {
    hook = `${await receiver.start()}/token-of-the-url?key=query-of-the-url`;
    const dir = await modelsDir('iris');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    foretell = await Installation.start({
      MODELS_DIR: dir,
      API_KEYS: `ann:${KEY}`,
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_FIRST_RETRY_MS: '50',
      OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start(),
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=secret-of-the-collector',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    });
    foretell.client = foretell.client.withHeaders({ authorization: `Bearer ${KEY}` });
    await foretell.add('worker');
  });

  afterAll(async () => {
    await foretell.stop();
    collector.stop();
    receiver.stop();
  });

  beforeEach(() => {
    receiver.answers = [];
  });

  it('goes from the request through BullMQ, job, batch and stages to the webhook', async () => {
    const caller = callers();
    receiver.answers = [500];
    const job = await foretell.client.submit(
      'iris',
      { input: INPUT, webhook: { url: hook }, metadata: { note: 'note-of-the-caller' } },
      { traceparent: caller.traceparent, 'x-request-id': 'order-7' },
    );
    await collector.span(
      ({ name, traceId, failed }) =>
        name === 'webhook job.succeeded' && traceId === caller.traceId && !failed,
    );
    for (const start of ['addBulk ', 'process ', 'job iris', 'POST ']) {
      await collector.span((s) => s.name.startsWith(start) && s.traceId === caller.traceId);
    }
    const trace = collector.spans.filter(({ traceId }) => traceId === caller.traceId);
    const named = (name: string) => only(trace.filter((span) => span.name === name));

    const request = named('POST /v1/models/:model/predict');
    expect(request).toMatchObject({
      ...{ service: 'foretell-api', kind: 'server', parentId: caller.spanId, failed: false },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/models/:model/predict',
        'http.response.status_code': 202,
        'foretell.request.id': 'order-7',
      },
    });
    const submit = named('submit');
    expect(submit).toMatchObject({ kind: 'producer', parentId: request.spanId });
    expect(submit.attributes).toMatchObject({
      'messaging.message.id': job.id,
      'foretell.model': 'iris',
      'foretell.version': job.version,
      'foretell.rows': 1,
    });
    const added = only(trace.filter(({ name }) => name.startsWith('addBulk ')));
    expect(added).toMatchObject({ kind: 'producer', parentId: submit.spanId });
    const processed = only(trace.filter(({ name }) => name.startsWith('process ')));
    expect(processed).toMatchObject({
      ...{ service: 'foretell-worker', kind: 'consumer', parentId: added.spanId },
    });
    const taken = named('job iris');
    const batch = named('batch iris');
    expect(taken).toMatchObject({ kind: 'consumer', parentId: submit.spanId, failed: false });
    expect(taken.attributes).toMatchObject({
      'messaging.message.id': job.id,
      'foretell.request.id': 'order-7',
      'foretell.job.outcome': 'succeeded',
    });
    expect(taken.links).toEqual([batch.spanId]);
    expect(batch).toMatchObject({ kind: 'internal', parentId: taken.spanId, failed: false });
    expect(batch.links).toEqual([taken.spanId]);
    expect(batch.attributes).toMatchObject({
      'foretell.model': 'iris',
      'foretell.version': job.version,
      'foretell.rows': 1,
      'foretell.batch.reason': expect.any(String),
      'messaging.batch.message_count': 1,
    });
    const stages = ['preprocess', 'inference', 'postprocess'].map(named);
    for (const stage of stages) expect(stage.parentId).toBe(batch.spanId);
    const times = stages.flatMap(({ start, end }) => [start, end]);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const ended = await foretell.client.ended(job);
    const inference = only(stages.slice(1, 2));
    expect(inference.end - inference.start).toBeCloseTo(ended.timing?.inference_ms ?? 0, 2);

    const attempts = trace.filter(({ name }) => name === 'webhook job.succeeded');
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({
        ...{ service: 'foretell-courier', kind: 'client', parentId: submit.spanId },
        attributes: {
          'server.address': '127.0.0.1',
          'server.port': Number(new URL(hook).port),
          'foretell.job.id': job.id,
        },
      });
    }
    expect(attempts.map(({ failed, attributes }) => [failed, attributes])).toMatchObject([
      [true, { 'http.response.status_code': 500, 'http.request.resend_count': 0 }],
      [false, { 'http.response.status_code': 204, 'http.request.resend_count': 1 }],
    ]);
    // Each request to the receiver names its own attempt.
    const sent = receiver.received.map(({ headers }) => headers['traceparent']);
    expect(sent).toEqual(attempts.map(({ spanId }) => `00-${caller.traceId}-${spanId}-01`));
    // Nothing of the trace is left over, such as BullMQ's housekeeping.
    expect(trace).toHaveLength(11);
  });

  it('links a batch to all its jobs, of whatever caller and trace, on two workers', async () => {
    const { client } = foretell;
    const all: ReturnType<typeof callers>[] = [];
    const isOurs = ({ traceId }: CollectedSpan) => all.some((own) => own.traceId === traceId);
    const jobSpans = () => collector.spans.filter((s) => s.name === 'job slow' && isOurs(s));
    const batches = () => {
      const ids = new Set(jobSpans().flatMap(({ links }) => links));
      return collector.spans.filter(({ spanId }) => ids.has(spanId));
    };
    const submit = (input: number[]) => {
      const own = callers();
      all.push(own);
      return client.submit('slow', { input }, { traceparent: own.traceparent });
    };
    while (
      new Set(jobSpans().map(({ instance }) => instance)).size < 2 ||
      batches().every(({ links }) => links.length < 2)
    ) {
      await submit(SECOND);
      await Promise.all(Array.from({ length: 8 }, () => submit(QUICK)));
      for (const { traceId } of all) {
        await collector.span((s) => s.name === 'job slow' && s.traceId === traceId);
      }
      for (const id of jobSpans().flatMap(({ links }) => links)) {
        await collector.span(({ spanId }) => spanId === id);
      }
    }
    for (const batch of batches()) {
      const members = jobSpans().filter(({ links }) => links.includes(batch.spanId));
      expect(batch.links.toSorted()).toEqual(members.map(({ spanId }) => spanId).toSorted());
      expect(batch.attributes['messaging.batch.message_count']).toBe(members.length);
      // The first one's trace has the stages, too.
      expect(batch.parentId).toBe(batch.links[0]);
      for (const member of members) expect(member.service).toBe('foretell-worker');
    }
    // What is sent in one go has a span in the trace of the first, and links to the others.
    const sent = collector.spans.filter((s) => s.name.startsWith('addBulk ') && isOurs(s));
    const submits = collector.spans.filter((s) => s.name === 'submit' && isOurs(s));
    expect(sent.flatMap(({ parentId, links }) => [parentId, ...links]).toSorted()).toEqual(
      submits.map(({ spanId }) => spanId).toSorted(),
    );
  });

  it('shows a batch whose runner died, and that its job ran again', async () => {
    const { traceId, traceparent } = callers();
    const job = await foretell.client.submit('slow', { input: SECOND }, { traceparent });
    await foretell.client.running(job);
    for (const { name, pid } of foretell.apps) {
      if (name === 'worker') for (const runner of runners(pid)) process.kill(runner, 'SIGKILL');
    }
    const taken = await collector.span((s) => s.name === 'job slow' && s.traceId === traceId);
    expect(taken.attributes['foretell.job.outcome']).toBe('succeeded');
    const batches = collector.spans.filter((s) => s.name === 'batch slow' && s.traceId === traceId);
    expect(batches.map(({ failed }) => failed)).toEqual([true, false]);
    expect(batches.map(({ spanId }) => spanId)).toEqual(taken.links);
    expect(batches[0]?.attributes['error.type']).toBe('RunnerCrashed');
  });

  it('has the next attempt of a job under the same submission', async () => {
    const { traceId, traceparent } = callers();
    const job = await foretell.client.submit(
      'slow',
      { input: [10_000_000], execution_timeout_s: 0.2 },
      { traceparent },
    );
    const isJob = (s: CollectedSpan) => s.name === 'job slow' && s.traceId === traceId;
    const first = await collector.span(isJob);
    expect(first).toMatchObject({
      failed: true,
      attributes: { 'foretell.job.outcome': 'failed', 'error.type': 'execution-timeout' },
    });
    const again = await foretell.client.post(`/v1/jobs/${job.id}/retry`, '');
    expect(again.status).toBe(202);
    const second = await collector.span((s) => isJob(s) && s.spanId !== first.spanId);
    expect(second.parentId).toBe(first.parentId);
    expect(second.attributes['foretell.job.attempt']).toBe(2);
    const added = collector.spans.filter(
      (s) => s.name.startsWith('addBulk ') && s.traceId === traceId,
    );
    expect(added.map(({ parentId }) => parentId)).toEqual([first.parentId, first.parentId]);
  });

  it('begins with the request where the caller has none', async () => {
    const job = await foretell.client.submit('iris', { input: INPUT });
    const taken = await collector.span((s) => s.attributes['messaging.message.id'] === job.id);
    const request = await collector.span(
      (s) => s.kind === 'server' && s.traceId === taken.traceId && s.name.startsWith('POST '),
    );
    expect(request.parentId).toBe('');
  });

  it('tells why a request was refused', async () => {
    const caller = callers();
    const { traceparent } = caller;
    const answer = await foretell.client.post(
      '/v1/models/iris/predict',
      { input: [1] },
      { traceparent },
    );
    expect(answer.status).toBe(422);
    const isOwn = (s: CollectedSpan) => s.traceId === caller.traceId;
    const submit = await collector.span((s) => isOwn(s) && s.name === 'submit');
    expect(submit).toMatchObject({ failed: true, attributes: { 'error.type': 'invalid-input' } });
    const request = await collector.span((s) => isOwn(s) && s.kind === 'server');
    // The caller's fault, not the server's.
    expect(request).toMatchObject({
      ...{ failed: false, attributes: { 'http.response.status_code': 422 } },
    });
  });

  it('is not made where the caller does not sample it, whose context is passed on', async () => {
    const before = receiver.received.length;
    const { traceId, traceparent } = callers('00');
    const body = { input: INPUT, webhook: { url: hook } };
    await foretell.client.submit('iris', body, { traceparent });
    const received = await receiver.count(before + 1);
    expect(received.at(-1)?.headers['traceparent']).toBe(traceparent);
    const later = callers();
    await foretell.client.submit('iris', body, { traceparent: later.traceparent });
    await collector.span((s) => s.traceId === later.traceId && s.name.startsWith('webhook '));
    expect(collector.spans.filter((s) => s.traceId === traceId)).toEqual([]);
  });

  it('is of what callers ask for, not of probes and docs, nor of BullMQ by itself', async () => {
    for (const url of ['/health', '/metrics', '/docs-json', '/problems', '/v1/models', '/nowhere'])
      await foretell.client.get(url);
    await collector.span(({ name }) => name === 'GET /v1/models');
    const roots = collector.spans.filter(({ parentId }) => parentId === '');
    for (const { kind, attributes } of roots) {
      expect(kind).toBe('server');
      expect(attributes['http.route']).toMatch(/^\/v1\//);
    }
  });

  it('has no input, output, key or secret in it, and the log has none of the collector', () => {
    expect(collector.text).toContain('deployment.environment.name');
    const secrets = [KEY, SECRET, 'of-the-url', 'of-the-caller', 'of-the-collector', 'setosa'];
    for (const secret of secrets) expect(collector.text).not.toContain(secret);
    for (const { attributes } of collector.spans) {
      expect(JSON.stringify(attributes)).not.toContain('5.0625');
    }
    expect(collector.requests[0]?.['x-team']).toBe('secret-of-the-collector');
    const logs = foretell.apps.flatMap(({ lines }) => lines).join('\n');
    expect(logs).toContain('"msg":"spans are sent"');
    expect(logs).not.toContain('of-the-collector');
  });
});

describe('a collector in trouble', () => {
  it('harms no request and no drain: it is away, or never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const foretell = await Installation.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      // Longer than an app may take to drain.
      OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    });
    const away = await foretell.add('api', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    for (let i = 0; i < 20; i++) {
      const job = await foretell.client.predict('iris', { input: INPUT });
      expect(job.status).toBe('succeeded');
    }
    const codes = await foretell.stop();
    silent.close();
    expect(codes.map(([, code]) => code)).toEqual([0, 0, 0, 0]);
    expect(away.log.filter(({ msg }) => msg === 'spans not sent').length).toBeLessThanOrEqual(1);
  });
});

describe('tracing that is off', () => {
  it.each([
    ['by default', {}],
    ['by OTEL_SDK_DISABLED', { OTEL_SDK_DISABLED: 'true' }],
  ])('%s makes no connection, and loads nothing', async (_, off) => {
    const collector = new OtlpCollector();
    const endpoint = await collector.start();
    const loaded = await mkdtemp(path.join(tmpdir(), 'foretell-loaded-'));
    const foretell = await Installation.start({
      ...off,
      ...('OTEL_SDK_DISABLED' in off && { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
      OTEL_BSP_SCHEDULE_DELAY: '20',
      NODE_V8_COVERAGE: loaded,
    });
    const job = await foretell.client.predict('iris', { input: INPUT });
    expect(job.status).toBe('succeeded');
    await foretell.stop();
    collector.stop();
    expect(collector.requests).toEqual([]);
    const modules = await modulesIn(loaded);
    expect(modules).toContain('bullmq');
    // prom-client brings the API along, which by itself does nothing.
    const tracing = modules.filter((name) => /opentelemetry|otel/.test(name));
    expect(tracing).toEqual(['@opentelemetry/api']);
  });
});

/** Packages whose scripts some process has run. @param dir that NODE_V8_COVERAGE named. */
async function modulesIn(dir: string): Promise<string[]> {
  const names = new Set<string>();
  for (const file of await readdir(dir)) {
    const { result } = JSON.parse(await readFile(path.join(dir, file), 'utf8')) as {
      result: { url: string }[];
    };
    for (const { url } of result) {
      const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
      if (name !== undefined) names.add(name);
    }
  }
  return [...names];
}

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { EventStream, type StreamedEvent } from '#libs/testing';
import type { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { Receiver } from './support/receiver.js';

const IRIS = { input: [5.1, 3.5, 1.4, 0.2] };
/** Of the slow model: a batch of two such rows takes some tenths of a second. */
const ITERATIONS = 5000;
const ROWS = 2;
const OUTPUTS = Array.from({ length: 20 }, (_, i) => ({ echo: [ITERATIONS + i] }));
const MANY = { inputs: OUTPUTS.map(({ echo }) => echo) };
const TO_SLOW = '/v1/models/slow/predict';

const is = (type: string) => (event: StreamedEvent) => event.event === type;
const idOf = (events: StreamedEvent[]) => (events[0]?.data as { id: string }).id;

function outputsOf(events: StreamedEvent[]): unknown[] {
  return events
    .filter(is('output'))
    .flatMap(({ data }) => (data as { outputs: unknown[] }).outputs);
}

describe('a submission that is answered with the events of its job', () => {
  let foretell: Installation;
  let clients: [Client, Client];

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await copyModel('fixture:slow', path.join(dir, 'slow'));
    await writeFile(
      path.join(dir, 'slow/model.yaml'),
      `batching: { max_batch_size: ${ROWS}, max_queue_delay_ms: 0 }\n`,
    );
    foretell = await Installation.start({ MODELS_DIR: dir, PUBLIC_URL: 'http://foretell.test' });
    const first = foretell.client;
    await foretell.add('api');
    clients = [first, foretell.client];
    await foretell.client.untilSettled();
  });

  afterAll(() => foretell.stop());

  const submit = (
    client: Client,
    route: string,
    body: unknown,
    headers: Record<string, string> = {},
  ) => EventStream.submit(new URL(route, client.url), body, headers);

  const follow = (client: Client, id: string, lastEventId = '') =>
    EventStream.open(new URL(`/v1/jobs/${id}/events`, client.url), {
      'last-event-id': lastEventId,
    });

  it.each([
    ['/v1/models/iris/predict', IRIS],
    ['/v1/models/iris/versions/1/predict', IRIS],
    ['/v1/predict', { ...IRIS, model: 'iris' }],
    ['/predict', { ...IRIS, model: 'iris', version: '2' }],
  ])('tells all of it, from the id to the result: %s', async (route, body) => {
    const stream = await submit(clients[0], route, body);
    const { response } = stream;
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const events = await stream.events();
    const id = idOf(events);
    expect(response.headers.get('location')).toBe(`/v1/jobs/${id}`);
    expect(events[0]).toEqual({
      id: '1-0',
      event: 'status',
      data: { id, status: 'queued', attempt: 1 },
    });
    const { body: job } = await clients[1].get<JobView>(`/v1/jobs/${id}`);
    expect(events.at(-1)).toEqual({ id: '1-end', event: 'end', data: job });
    expect(job).toMatchObject({ status: 'succeeded', output: { label: 'setosa' } });
  });

  it('tells outputs before the end, and goes on at another api, nothing lost or repeated', async () => {
    const stream = await submit(clients[0], TO_SLOW, MANY);
    const events = await stream.events(is('output'));
    stream.close();
    const id = idOf(events);
    events.push(...(await (await follow(clients[1], id, events.at(-1)?.id)).events()));
    expect(outputsOf(events)).toEqual(OUTPUTS);
    expect(events.filter(is('output')).length).toBeGreaterThan(2);
    expect(events.at(-1)?.data).toMatchObject({ id, status: 'succeeded', outputs: OUTPUTS });
  });

  it('follows the job that an Idempotency-Key has made before, and goes on where it was', async () => {
    const key = { 'idempotency-key': 'stream-1' };
    const stream = await submit(clients[0], TO_SLOW, MANY, key);
    const events = await stream.events(is('progress'));
    stream.close();
    const last = { 'last-event-id': events.at(-1)?.id ?? '' };
    const again = await submit(clients[1], TO_SLOW, MANY, { ...key, ...last });
    expect(again.response.headers.get('idempotency-replayed')).toBe('true');
    events.push(...(await again.events()));
    expect(outputsOf(events)).toEqual(OUTPUTS);
    const ended = await (await submit(clients[0], TO_SLOW, MANY, key)).events();
    expect([idOf(ended), ended.at(-1)]).toEqual([idOf(events), events.at(-1)]);
    // What was told of one job says nothing of another.
    const other = await submit(clients[0], TO_SLOW, MANY, last);
    expect(await other.events(is('status'))).toMatchObject([{ id: '1-0' }]);
    other.close();
  });

  it.each([
    ['an unknown model', '/v1/models/nobody/predict', IRIS, 404, 'model-not-found'],
    ['a wrong input', '/v1/models/iris/predict', { input: [1] }, 422, 'invalid-input'],
    ['no JSON', '/v1/models/iris/predict', '{', 400, 'invalid-json'],
  ])('is a problem for %s', async (_, route, body, status, code) => {
    const answer = await clients[0].post(route, body, { accept: 'text/event-stream' });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  it('is no answer for one who takes JSON as well', async () => {
    const accept = 'application/json, text/event-stream';
    const { status, headers } = await clients[0].post('/v1/models/iris/predict', IRIS, { accept });
    expect(status).toBe(202);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
  });

  describe('with cancel_on_disconnect', () => {
    const BODY = { ...MANY, cancel_on_disconnect: true };

    it('is refused where nobody waits for the answer', async () => {
      for (const prefer of ['respond-async', 'wait=0', 'wait=soon']) {
        const { status, body } = await clients[0].post(TO_SLOW, BODY, { prefer });
        expect([status, body]).toMatchObject([
          422,
          { code: 'invalid-request', errors: [{ pointer: '/cancel_on_disconnect' }] },
        ]);
      }
      const wrong = { ...BODY, cancel_on_disconnect: 'yes' };
      const { body } = await clients[0].post(TO_SLOW, wrong, { prefer: 'wait=1' });
      expect(body).toMatchObject({ errors: [{ pointer: '/cancel_on_disconnect' }] });
    });

    it('is canceled when its client goes, and not when somebody else does', async () => {
      const stream = await submit(clients[0], TO_SLOW, BODY);
      const id = idOf(await stream.events(is('output')));
      const witness = await follow(clients[1], id);
      (await follow(clients[0], id)).close();
      const other = await submit(clients[0], TO_SLOW, MANY);
      const left = idOf(await other.events(is('status')));
      other.close();
      await witness.events(is('progress'));
      stream.close();
      expect((await witness.events()).at(-1)?.data).toMatchObject({ id, status: 'canceled' });
      expect(await clients[1].ended({ id: left })).toMatchObject({ outputs: OUTPUTS });
    });

    it('is canceled when its client waits no longer', async () => {
      const hangUp = new AbortController();
      const metadata = { of: 'the one who waits' };
      const waiting = fetch(new URL(TO_SLOW, clients[0].url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=60' },
        body: JSON.stringify({ ...BODY, metadata }),
        signal: hangUp.signal,
      }).catch(() => 'hung up');
      const list = `/v1/jobs?metadata.of=${encodeURIComponent(metadata.of)}`;
      const { body } = await clients[1].until<{ data: JobView[] }>(
        list,
        ({ body: { data } }) => data[0]?.status === 'running',
      );
      hangUp.abort();
      expect(await waiting).toBe('hung up');
      const job = await clients[1].ended({ id: body.data[0]?.id ?? '' });
      expect(job).toMatchObject({ status: 'canceled', error: { code: 'canceled' } });
    });

    it('is not canceled by an answer that its client has got, or by the end of the api', async () => {
      const leaving = await foretell.add('api');
      const stream = await submit(foretell.client, TO_SLOW, BODY);
      const events = await stream.events(is('output'));
      const prefer = { prefer: 'wait=1' };
      const waited = await clients[0].post<JobView>(TO_SLOW, BODY, prefer);
      expect(waited.status).toBe(202);
      leaving.kill('SIGTERM');
      events.push(...(await stream.events()));
      expect(events.some(is('end'))).toBe(false);
      expect(await leaving.ended).toBe(0);
      events.push(...(await (await follow(clients[1], idOf(events), events.at(-1)?.id)).events()));
      expect(outputsOf(events)).toEqual(OUTPUTS);
      expect(await clients[0].ended(waited.body)).toMatchObject({ outputs: OUTPUTS });
    });
  });
});

const PROMPT = 'Once upon a time';
/** Takes the tiny decoder a second or so. */
const LONG = { max_tokens: 3000 };
const ENDLESS = { max_tokens: 400_000 };

interface Told {
  from: number;
  tokens: number;
  text: string;
}

interface Generated {
  text: string;
  usage: { completion_tokens: number };
}

describe('a text that is generated', () => {
  const receiver = new Receiver();
  let foretell: Installation;
  let clients: [Client, Client];

  beforeAll(async () => {
    const dir = await modelsDir();
    await copyModel('fixture:tiny_lm', path.join(dir, 'tiny_lm'));
    // It never ends by itself, and there is room for one at a time.
    const output = 'kind: generation, context_length: 500000, max_tokens: 400000';
    await writeFile(
      path.join(dir, 'tiny_lm/model.yaml'),
      `input: { kind: text, tokenizer_file: tokenizer.json }
output: { ${output} }
batching: { max_batch_size: 1 }
`,
    );
    foretell = await Installation.start({ MODELS_DIR: dir });
    const first = foretell.client;
    await foretell.add('api');
    clients = [first, foretell.client];
    await foretell.client.untilSettled();
  });

  afterAll(async () => {
    await foretell.stop();
    receiver.stop();
  });

  const PREDICT = '/v1/models/tiny_lm/predict';
  const submit = (client: Client, parameters: object, more: object = {}) =>
    EventStream.submit(new URL(PREDICT, client.url), { input: PROMPT, parameters, ...more });

  const follow = (client: Client, id: string, lastEventId = '') =>
    EventStream.open(new URL(`/v1/jobs/${id}/events`, client.url), {
      'last-event-id': lastEventId,
    });

  const toldBy = (events: StreamedEvent[]) =>
    events.filter(is('output')).map(({ data }) => data as Told);

  /** Every token and every character once, and in order, and the same in the end. */
  function expectWhole(events: StreamedEvent[]): void {
    const told = toldBy(events);
    const { status, output } = events.at(-1)?.data as { status: string; output: Generated };
    expect(status).toBe('succeeded');
    expect(told.map(({ text }) => text).join('')).toBe(output.text);
    let tokens = 0;
    for (const each of told) {
      expect(each.from).toBe(tokens);
      tokens += each.tokens;
    }
    expect(tokens).toBe(output.usage.completion_tokens);
  }

  it('comes before the end, to whoever submits it and whoever follows it', async () => {
    const stream = await submit(clients[0], LONG);
    const events = await stream.events(is('output'));
    const other = await follow(clients[1], idOf(events));
    events.push(...(await stream.events()));
    expectWhole(events);
    expect(toldBy(events).length).toBeGreaterThan(2);
    expectWhole(await other.events());
  });

  it('goes on at another api after the line broke, and after the end, nothing lost or repeated', async () => {
    const stream = await submit(clients[0], LONG);
    const events = await stream.events(is('output'));
    stream.close();
    const id = idOf(events);
    for (let i = 1; !events.some(is('end')); i++) {
      const next = await follow(clients[i % 2 ? 1 : 0], id, events.at(-1)?.id);
      events.push(...(await next.events(({ event }) => event === 'output' || event === 'end')));
      next.close();
    }
    expect(toldBy(events).length).toBeGreaterThan(2);
    expectWhole(events);
    for (const [i, event] of events.slice(0, -1).entries()) {
      const rest = await (await follow(clients[1], id, event.id)).events();
      expectWhole([...events.slice(0, i + 1), ...rest]);
    }
  });

  it('is the same where a worker dies and another one generates it anew', async () => {
    const stream = await submit(clients[0], { ...LONG, temperature: 1 });
    const events = await stream.events(is('output'));
    const worker = foretell.app('worker');
    worker.kill('SIGKILL');
    await worker.ended;
    await foretell.add('worker');
    events.push(...(await stream.events()));
    expectWhole(events);
    expect(events.filter(is('status'))).toHaveLength(2);
  });

  it('is told whole of a job with inputs', async () => {
    const body = { inputs: [PROMPT, PROMPT], parameters: { max_tokens: 20, seed: 1 } };
    const stream = await EventStream.submit(new URL(PREDICT, clients[0].url), body);
    const outputs = outputsOf(await stream.events());
    expect(outputs).toHaveLength(2);
    expect(outputs[0]).toMatchObject({ usage: { completion_tokens: 20 } });
    expect(outputs[0]).toEqual(outputs[1]);
  });

  it('is not told by a webhook before its end', async () => {
    const webhook = { url: await receiver.start(), events: ['progress', 'succeeded'] };
    expectWhole(await (await submit(clients[0], LONG, { webhook })).events());
    const [first] = await receiver.count(1);
    expect(JSON.parse(first?.body ?? '')).toMatchObject({ type: 'job.succeeded', sequence: 1 });
  });

  it('gives its place to the next one when its client goes', async () => {
    const stream = await submit(clients[0], ENDLESS, { cancel_on_disconnect: true });
    const id = idOf(await stream.events(is('output')));
    const next = await submit(clients[1], { max_tokens: 5 });
    stream.close();
    expect(await clients[1].ended({ id })).toMatchObject({ status: 'canceled' });
    expectWhole(await next.events());
  });

  it('gives its place to the next one when it is canceled', async () => {
    const stream = await submit(clients[0], ENDLESS);
    const id = idOf(await stream.events(is('output')));
    const next = await submit(clients[1], { max_tokens: 5 });
    expect((await clients[1].post(`/v1/jobs/${id}/cancel`, {})).status).toBe(200);
    expect((await stream.events()).at(-1)?.data).toMatchObject({ status: 'canceled' });
    expectWhole(await next.events());
  });
});

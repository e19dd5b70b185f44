import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { EventStream } from '#libs/testing';
import type { Answer } from './support/client.js';
import { Contract, type OpenApi } from './support/contract.js';
import { IMAGES } from './support/images.js';
import { Installation } from './support/installation.js';
import { heldOut } from './support/models.js';

/** A PNG by its header alone: accepted, and found out by the worker. */
const DAMAGED = IMAGES.damaged.toString('base64');
const ROW = [5.1, 3.5, 1.4, 0.2];
const COLUMNS = {
  sepal_length: [5.1],
  sepal_width: [3.5],
  petal_length: [1.4],
  petal_width: [0.2],
};
const NO_JOB = '/v1/jobs/job_01m7ykvnbfexgt18bvm31gq4fd';

describe('what is answered', () => {
  let foretell: Installation;
  let all: Contract;

  beforeAll(async () => {
    foretell = await Installation.start();
    all = await contractOf('/docs-json');
  });

  afterAll(async () => {
    await foretell.stop();
  });

  async function contractOf(path: string): Promise<Contract> {
    return new Contract((await foretell.client.get<OpenApi>(path)).body);
  }

  async function get(contract: Contract, path: string): Promise<Answer<unknown>> {
    const answer = await foretell.client.get<unknown>(path);
    expect(contract.complaints('get', path, answer)).toEqual([]);
    return answer;
  }

  async function post(
    contract: Contract,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<unknown>> {
    const answer = await foretell.client.post<unknown>(path, body, headers);
    expect(contract.complaints('post', path, answer)).toEqual([]);
    return answer;
  }

  /** Submits, and looks at the job until it has ended. */
  async function predict(contract: Contract, path: string, body: object): Promise<JobView> {
    const { id } = (await post(contract, path, body)).body as JobView;
    await foretell.client.ended({ id });
    return (await get(contract, `/v1/jobs/${id}`)).body as JobView;
  }

  it.each([
    '/health',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/problems/invalid-input',
    '/problems/none',
    '/v1/models',
    '/v1/models?limit=1',
    '/v1/models?limit=0',
    '/v1/models/digits',
    '/v1/models/diabetes',
    '/v1/models/nope',
    '/v1/models/iris/rollout',
    '/v1/models/nope/rollout',
    '/v1/models/iris/openapi.json',
    '/v1/models/nope/openapi.json',
    '/v1/jobs?limit=2&status=queued,succeeded&metadata.a=b',
    '/v1/jobs?cursor=x',
    NO_JOB,
    `${NO_JOB}/events`,
    `${NO_JOB}/deliveries`,
    '/v1/webhooks/secret',
    '/v1/webhooks/default',
    '/v1/webhooks/receivers',
    '/v1/webhooks/receivers?cursor=x',
    '/v1/keys',
    '/v1/keys?limit=0',
  ])('to GET %s is documented', async (path) => {
    await get(all, path);
  });

  it.each<[string, unknown]>([
    ['/v1/predict', { model: 'iris', input: ROW }],
    ['/predict', { model: 'iris', inputs: [ROW] }],
    ['/predict', { model: 'iris', inputs: COLUMNS }],
    ['/v1/models/iris/predict', { inputs: COLUMNS }],
    ['/v1/predict', {}],
    ['/v1/predict', '{'],
    ['/v1/models/iris/predict', { input: 'x' }],
    ['/v1/models/nope/predict', { input: 1 }],
    ['/v1/models/iris/versions/9/predict', { input: 1 }],
    ['/v1/models/iris/versions/1/load', ''],
    ['/v1/models/iris/versions/9/unload', ''],
    ['/v1/jobs/cancel', { model: 'iris' }],
    ['/v1/jobs/cancel', { status: 'failed' }],
    [`${NO_JOB}/cancel`, ''],
    [`${NO_JOB}/retry`, ''],
    [`${NO_JOB}/deliveries/redeliver`, {}],
    ['/v1/webhooks/secret/rotate', ''],
    ['/v1/webhooks/redeliver', { since: '2026-11-21T09:13:47Z' }],
    ['/v1/webhooks/redeliver', {}],
    ['/v1/webhooks/receivers/none/enable', ''],
    ['/v1/keys', { name: 'a:b' }],
  ])('to POST %s %j is documented', async (path, body) => {
    await post(all, path, body);
  });

  it('is of the type that the model’s own document says', async () => {
    const iris = await contractOf('/v1/models/iris/openapi.json');
    const { input } = (await heldOut('iris')).rows[0] ?? {};
    const one = { input };
    expect((await predict(iris, '/v1/models/iris/predict', one)).status).toBe('succeeded');
    expect((await predict(iris, '/v1/models/iris/versions/1/predict', one)).version).toBe('1');
    const best = { inputs: [input, input], parameters: { top_k: 2 } };
    const two = await predict(iris, '/v1/models/iris/predict', best);
    expect(two.outputs).toHaveLength(2);
    const stream = await EventStream.open(two.events_url);
    const events = await stream.events();
    expect(events.map(({ event }) => event)).toEqual([
      'status',
      'status',
      'output',
      'progress',
      'end',
    ]);
    expect(events.flatMap((event) => iris.eventComplaints(event))).toEqual([]);
    await post(iris, '/v1/models/iris/predict', { input: 'x' });

    const diabetes = await contractOf('/v1/models/diabetes/openapi.json');
    const row: unknown = (await heldOut('diabetes')).rows[0]?.input;
    const job = await predict(diabetes, '/v1/models/diabetes/predict', { input: row });
    expect(job.output).toMatchObject({ value: expect.any(Number) });
    expect(iris.complaints('get', '/v1/jobs/x', await get(all, `/v1/jobs/${job.id}`))).not.toEqual(
      [],
    );
  });

  it('is of that type for pictures, and where some or all of them are damaged', async () => {
    const digits = await contractOf('/v1/models/digits/openapi.json');
    const path = '/v1/models/digits/predict';
    const { input } = (await heldOut('digits')).rows[0] ?? {};
    const some = await predict(digits, path, { inputs: [input, DAMAGED] });
    expect(some.outputs).toMatchObject([{ label: expect.any(String) }, { error: {} }]);
    const none = await predict(digits, path, { input: DAMAGED });
    expect(none).toMatchObject({
      status: 'failed',
      output: null,
      error: { code: 'invalid-input' },
    });
    const form = new FormData();
    form.append('input', new Blob([Buffer.from(String(input), 'base64')]), 'd.png');
    expect((await post(digits, path, form)).status).toBe(202);
  });

  it('of a job that is waited for, submitted again, canceled and retried is documented', async () => {
    const path = '/v1/models/iris/predict';
    const key = { 'idempotency-key': 'a', prefer: 'respond-async, wait=30' };
    const { status, body } = await post(all, path, { input: ROW }, key);
    expect(status).toBe(200);
    expect((await post(all, path, { input: ROW }, key)).headers.get('idempotency-replayed')).toBe(
      'true',
    );
    expect((await post(all, path, { input: [1, 2, 3, 4] }, key)).status).toBe(422);
    const { id } = body as JobView;
    expect((await post(all, `/v1/jobs/${id}/cancel`, '')).status).toBe(409);
    expect((await post(all, `/v1/jobs/${id}/retry`, '')).status).toBe(409);
    expect((await get(all, `/v1/jobs/${id}/events`)).status).toBe(200);

    const late = (await post(all, path, { input: ROW, queue_timeout_s: 1e-6 })).body as JobView;
    expect((await foretell.client.ended(late)).status).toBe('expired');
    const { headers, status: accepted } = await post(all, `/v1/jobs/${late.id}/retry`, '');
    expect([accepted, headers.get('retry-after')]).toEqual([202, '1']);
  });

  it('is nothing else, by the same token', async () => {
    const wrong = { ...(await get(all, '/health/live')), body: { status: 'fine' } };
    expect(all.complaints('get', '/health/live', wrong)).toHaveLength(1);
    expect(all.complaints('get', '/health/live', { ...wrong, status: 418 })).toHaveLength(1);
    const bare = { ...wrong, body: { status: 'ok' }, headers: new Headers() };
    expect(all.complaints('get', '/health/live', bare)).toHaveLength(2);
  });
});

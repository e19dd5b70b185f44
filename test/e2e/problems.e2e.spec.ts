import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  retryable: boolean;
  request_id: string;
  errors?: { pointer: string; message: string }[];
}

const iris = '/v1/models/iris/predict';
const tiff = Buffer.from('49492a0008000000', 'hex').toString('base64');

/** Path, body, status, code and, where the body is at fault, where. */
const REFUSED: [string, string, unknown, number, string, string[]?][] = [
  ['truncated JSON', iris, '{"input": [1,', 400, 'invalid-json'],
  ['no body', iris, '', 400, 'invalid-json'],
  ['__proto__', iris, '{"input": [1,2,3,4], "__proto__": {"x": 1}}', 400, 'invalid-json'],
  ['a body that is no object', iris, [1], 422, 'invalid-request', ['']],
  ['neither input nor inputs', iris, {}, 422, 'invalid-request', ['']],
  ['both', iris, { input: [1, 2, 3, 4], inputs: [[1, 2, 3, 4]] }, 422, 'invalid-request', ['']],
  ['no instances', iris, { inputs: [] }, 422, 'invalid-request', ['/inputs']],
  [
    '1001 instances',
    iris,
    { inputs: Array(1001).fill([1, 2, 3, 4]) },
    422,
    'invalid-request',
    ['/inputs'],
  ],
  [
    'an unknown field',
    iris,
    { input: [1, 2, 3, 4], colour: 1 },
    422,
    'invalid-request',
    ['/colour'],
  ],
  ['a text as number', iris, { input: ['1', 2, 3, 4] }, 422, 'invalid-input', ['/input/0']],
  ['a number too large', iris, '{"input": [1e400, 2, 3, 4]}', 422, 'invalid-input', ['/input/0']],
  ['null', iris, { input: null }, 422, 'invalid-input', ['/input']],
  [
    'a missing and an unknown feature',
    iris,
    { inputs: [[1, 2, 3, 4], { sepal_length: 1, sepal_width: 1, petal_length: 1, stem: 2 }] },
    422,
    'invalid-input',
    ['/inputs/1/petal_width', '/inputs/1/stem'],
  ],
  ['too few features', iris, { input: [1, 2, 3] }, 422, 'invalid-input', ['/input']],
  [
    'a parameter that is not the model’s',
    iris,
    { input: [1, 2, 3, 4], parameters: { heat: 1 } },
    422,
    'invalid-input',
    ['/parameters/heat'],
  ],
  [
    'top_k above the number of labels',
    iris,
    { input: [1, 2, 3, 4], parameters: { top_k: 4 } },
    422,
    'invalid-input',
    ['/parameters/top_k'],
  ],
  [
    'a webhook to a private address',
    iris,
    { input: [1, 2, 3, 4], webhook: { url: 'http://10.0.0.1/' } },
    422,
    'url-forbidden',
    ['/webhook/url'],
  ],
  [
    'a webhook without a URL',
    iris,
    { input: [1, 2, 3, 4], webhook: {} },
    422,
    'invalid-request',
    ['/webhook/url'],
  ],
  [
    'metadata that is not text',
    iris,
    { input: [1, 2, 3, 4], metadata: { a: 1 } },
    422,
    'invalid-request',
    ['/metadata'],
  ],
  [
    'a priority that is none',
    iris,
    { input: [1, 2, 3, 4], priority: 'urgent' },
    422,
    'invalid-request',
    ['/priority'],
  ],
  [
    'timeouts of no time',
    iris,
    { input: [1, 2, 3, 4], queue_timeout_s: 0, execution_timeout_s: -1 },
    422,
    'invalid-request',
    ['/execution_timeout_s', '/queue_timeout_s'],
  ],
  [
    'an execution that may take longer than any run',
    iris,
    { input: [1, 2, 3, 4], execution_timeout_s: 301 },
    422,
    'invalid-request',
    ['/execution_timeout_s'],
  ],
  [
    'a result kept for years',
    iris,
    { input: [1, 2, 3, 4], result_ttl_s: 31_536_000 },
    422,
    'invalid-request',
    ['/result_ttl_s'],
  ],
  ['bad base64', '/v1/models/digits/predict', { input: '§§§' }, 422, 'invalid-input', ['/input']],
  [
    'a TIFF',
    '/v1/models/digits/predict',
    { input: tiff },
    415,
    'unsupported-media-type',
    ['/input'],
  ],
  ['an unknown model', '/v1/models/nope/predict', { input: 1 }, 404, 'model-not-found'],
  [
    'an unknown version',
    '/v1/models/iris/versions/9/predict',
    { input: 1 },
    404,
    'version-not-found',
  ],
  ['no model at all', '/v1/predict', { input: 1 }, 422, 'invalid-request', ['/model']],
  ['a path that is not there', '/v2/predict', {}, 404, 'not-found'],
];

describe('a request that cannot be accepted', () => {
  let foretell: Installation;

  beforeAll(async () => {
    foretell = await Installation.start({ BODY_LIMIT_BYTES: '200000' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each(REFUSED)('%s', async (...[, path, body, status, code, pointers]) => {
    const answer = await foretell.client.post<Problem>(path, body);
    expect(answer.body).toMatchObject({ status, code, type: `/problems/${code}`, instance: path });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'));
    expect(answer.body.errors?.map(({ pointer }) => pointer).sort()).toEqual(pointers);
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\/libs\/|at \w+ \(/);
  });

  it('has the wrong content type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'image/png']) {
      const answer = await foretell.client.post<Problem>(iris, 'input=1', { 'content-type': type });
      expect(answer.body).toMatchObject({ status: 415, code: 'unsupported-media-type' });
    }
  });

  it('has a method that its path does not have, whatever its body is', async () => {
    const wrong = { 'content-type': 'text/plain' };
    const answer = await foretell.client.post<Problem>('/v1/models', 'x', wrong);
    expect(answer.body).toMatchObject({ status: 405, code: 'method-not-allowed' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  it('is a form without a boundary', async () => {
    const form = { 'content-type': 'multipart/form-data' };
    for (const path of [iris, '/v1/jobs/cancel']) {
      const { body } = await foretell.client.post<Problem>(path, '{}', form);
      expect(body).toMatchObject({ status: 400, code: 'bad-request' });
    }
  });

  it('is too large, as JSON or as an upload', async () => {
    const text = JSON.stringify({ input: 'x'.repeat(200_000) });
    expect((await foretell.client.post(iris, text)).body).toMatchObject({ status: 413 });
    const form = new FormData();
    form.append('input', new Blob([Buffer.alloc(200_001)]), 'd.png');
    const upload = await foretell.client.post('/v1/models/digits/predict', form);
    expect(upload.body).toMatchObject({ status: 413, code: 'payload-too-large' });
  });

  it('asks for a job that is not there', async () => {
    for (const id of ['job_01m7ykvnbfexgt18bvm31gq4fd', 'meta', '../../etc/passwd', '1']) {
      const answer = await foretell.client.get(`/v1/jobs/${encodeURIComponent(id)}`);
      expect(answer.body).toMatchObject({ status: 404, code: 'job-not-found' });
    }
  });

  it('asks for a page that cannot be', async () => {
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'cursor=%00']) {
      const answer = await foretell.client.get(`/v1/models?${query}`);
      expect(answer.body).toMatchObject({ status: 422, code: 'invalid-request' });
    }
  });

  it('leaves no job behind', async () => {
    const { body } = await foretell.client.get<{ text: string }>('/metrics');
    expect(body.text).not.toMatch(/^foretell_jobs_accepted_total\{/m);
  });

  it('finds its kind of problem explained', async () => {
    const { body } = await foretell.client.get('/problems/invalid-input');
    expect(body).toMatchObject({ code: 'invalid-input', status: 422, retryable: false });
  });

  it('answers what is not HTTP with a problem as well', async () => {
    const { hostname, port } = new URL(foretell.client.url);
    const socket = connect(Number(port), hostname);
    socket.end(`POST ${iris} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\u0001b\r\n\r\n`);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 400 .*application\/problem\+json/s);
    expect(JSON.parse(body)).toMatchObject({ code: 'bad-request', status: 400 });
  });
});

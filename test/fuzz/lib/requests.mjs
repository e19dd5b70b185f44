import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { rootDir } from '../../../scripts/lib/paths.mjs';

const JSON_TYPE = 'Content-Type: application/json';
const JOB = 'job_01m7ykvnbfexgt18bvm31gq4fd';
const PNG = picture();
const row = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 };

/** A grey PNG of 8 × 8 pixels; its checksums do not count, as mutants have others anyway. */
function picture() {
  const data = deflateSync(Buffer.alloc(72));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const header = '89504e470d0a1a0a0000000d4948445200000008000000080800000000e164e157';
  const end = '0000000049454e44ae426082';
  return Buffer.concat([
    Buffer.from(header, 'hex'),
    size,
    Buffer.from('IDAT'),
    data,
    Buffer.alloc(4),
    Buffer.from(end, 'hex'),
  ]);
}

/**
 * @param {string} line
 * @param {string | Buffer} [body]
 * @param {readonly string[]} [headers]
 */
function request(line, body, headers = []) {
  const bytes = Buffer.from(body ?? '');
  const length = body === undefined ? [] : [`Content-Length: ${bytes.length}`];
  const head = [`${line} HTTP/1.1`, 'Host: localhost', ...headers, ...length, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head), bytes]);
}

/**
 * @param {string} line
 * @param {unknown} value
 * @param {readonly string[]} headers
 */
function json(line, value, ...headers) {
  return request(line, JSON.stringify(value), [JSON_TYPE, ...headers]);
}

/** @param {Record<string, string | Buffer>} fields */
function form(fields) {
  const parts = Object.entries(fields).flatMap(([name, value]) => [
    `--boundary\r\nContent-Disposition: form-data; name="${name}"${Buffer.isBuffer(value) ? '; filename="a.png"' : ''}\r\n\r\n`,
    value,
    '\r\n',
  ]);
  return Buffer.concat([...parts, '--boundary--\r\n'].map((part) => Buffer.from(part)));
}

/** @param {string} model */
function heldOutRows(model) {
  const file = join(rootDir, 'models/training/held-out', `${model}.json`);
  const { rows } = JSON.parse(readFileSync(file, 'utf8'));
  return rows.slice(0, 20).map((/** @type {{ input: unknown }} */ { input }) => input);
}

const IRIS = 'POST /v1/models/iris/predict';

/** Valid requests to every route, as bytes. */
export const REQUESTS = [
  json(IRIS, { input: [5.1, 3.5, 1.4, 0.2] }),
  json(IRIS, { input: row, parameters: { top_k: 2 }, priority: 'high', metadata: { order: '17' } }),
  json(IRIS, { inputs: heldOutRows('iris') }, 'Prefer: wait=1', 'X-Request-ID: fuzz-1'),
  json(IRIS, { input: row, queue_timeout_s: 5, execution_timeout_s: 2.5, result_ttl_s: 60 }),
  json(IRIS, { input: row, webhook: { url: 'https://1.1.1.1/', events: ['failed'] } }),
  json(IRIS, { input: row }, 'Idempotency-Key: order-17', 'traceparent: 00-a-b-01'),
  json('POST /v1/models/diabetes/versions/1/predict', { inputs: heldOutRows('diabetes') }),
  json('POST /v1/predict', { model: 'iris', version: '2', input: row }, 'Accept: application/json'),
  json('POST /predict', { model: 'digits', input: PNG.toString('base64') }),
  json('POST /v1/models/digits/predict', {
    input: `data:image/png;base64,${PNG.toString('base64')}`,
  }),
  request(
    'POST /v1/models/digits/predict',
    form({ input: PNG, parameters: '{"top_k":2}', priority: 'low' }),
    ['Content-Type: multipart/form-data; boundary=boundary'],
  ),
  request(IRIS, `1e\r\n${'{"input": [5.1, 3.5, 1.4, 0.2]'}\r\n1\r\n}\r\n0\r\n\r\n`, [
    JSON_TYPE,
    'Transfer-Encoding: chunked',
  ])
    .toString('latin1')
    .replace(/Content-Length: \d+\r\n/, ''),
  request(`GET /v1/jobs/${JOB}`, undefined, ['Prefer: wait=1']),
  request(`GET /v1/jobs/${JOB}/events`, undefined, [
    'Last-Event-ID: 1-1',
    'Accept: text/event-stream',
  ]),
  request(
    'GET /v1/jobs?limit=5&status=failed&model=iris&metadata.order=17&created_after=2026-01-01T00:00:00Z',
  ),
  request(`GET /v1/jobs/${JOB}/deliveries?limit=2`),
  request(`POST /v1/jobs/${JOB}/cancel`),
  request(`POST /v1/jobs/${JOB}/retry`),
  json(`POST /v1/jobs/${JOB}/deliveries/redeliver`, { id: 'msg_1' }),
  json('POST /v1/jobs/cancel', { model: 'diabetes', status: 'queued' }),
  json('PUT /v1/webhooks/default', { url: 'https://1.1.1.1/hook', events: ['failed'] }),
  request('DELETE /v1/webhooks/default'),
  request('GET /v1/webhooks/default'),
  json('POST /v1/webhooks/redeliver', { since: '2026-01-01T00:00:00Z' }),
  request('GET /v1/webhooks/receivers?limit=3'),
  request('GET /v1/models?limit=2'),
  request('GET /v1/models/iris'),
  request('GET /v1/models/iris/openapi.json'),
  request('GET /health'),
  request('GET /problems/invalid-input'),
].map((bytes) => Buffer.from(bytes));

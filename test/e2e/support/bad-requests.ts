import { gzipSync } from 'node:zlib';
import type { BadRequest } from './bad-bodies.js';

const IRIS = '/v1/models/iris/predict';
const JSON_TYPE = 'application/json';
const input = { input: [1, 2, 3, 4] };
const gone = { status: 404, code: 'not-found' };
const unsupported = { status: 415, code: 'unsupported-media-type' };

/** Every request that is refused for its form, by a client that speaks HTTP. */
export const BAD_REQUESTS: BadRequest[] = [
  { name: 'a path that is not there', path: '/v2/predict', body: input, ...gone },
  {
    name: 'a path out of the root',
    path: '/v1/models/..%2f..%2fetc',
    method: 'GET',
    status: 404,
    code: 'model-not-found',
  },
  {
    name: 'a model that is not there',
    path: '/v1/models/nope/predict',
    body: input,
    status: 404,
    code: 'model-not-found',
  },
  {
    name: 'a version that is not there',
    path: '/v1/models/iris/versions/99/predict',
    body: input,
    status: 404,
    code: 'version-not-found',
  },
  {
    name: 'a job that is not there',
    path: '/v1/jobs/job_01m7ykvnbfexgt18bvm31gq4fd',
    method: 'GET',
    status: 404,
    code: 'job-not-found',
  },
  {
    name: 'a path that is no URL',
    path: '/v1/jobs/%zz',
    method: 'GET',
    status: 400,
    code: 'bad-request',
  },
  ...['PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => ({
    name: `the method ${method}`,
    method,
    status: 405,
    code: 'method-not-allowed',
  })),
  ...['text/html', 'image/*', 'application/xml, text/*;q=0.5', 'application/json;q=0'].map(
    (accept) => ({
      name: `Accept: ${accept}`,
      body: input,
      headers: { accept },
      status: 406,
      code: 'not-acceptable',
    }),
  ),
  {
    name: 'events that are to be JSON',
    path: '/v1/jobs/job_01m7ykvnbfexgt18bvm31gq4fd/events',
    method: 'GET',
    headers: { accept: JSON_TYPE },
    status: 406,
    code: 'not-acceptable',
  },
  {
    name: 'a body above the limit of all',
    path: '/v1/predict',
    body: 'x'.repeat(10 * 1024 * 1024 + 1),
    status: 413,
    code: 'payload-too-large',
  },
  {
    name: 'a body above the limit of its model',
    body: `{"input": [1,2,3,4]${' '.repeat(2 * 1024 * 1024)}}`,
    status: 413,
    code: 'payload-too-large',
  },
  {
    name: 'a body above the limit of the model that it names',
    path: '/v1/predict',
    body: `{"model": "iris", "input": [1,2,3,4]${' '.repeat(2 * 1024 * 1024)}}`,
    status: 413,
    code: 'payload-too-large',
  },
  {
    name: 'a URL too long',
    path: `/v1/jobs?cursor=${'x'.repeat(9000)}`,
    method: 'GET',
    status: 414,
    code: 'uri-too-long',
  },
  {
    name: 'a URL longer than all headers may be',
    path: `/v1/jobs?cursor=${'x'.repeat(30_000)}`,
    method: 'GET',
    status: 414,
    code: 'uri-too-long',
  },
  ...['text/plain', 'application/x-www-form-urlencoded', 'image/png', 'json', ''].map((type) => ({
    name: `the type "${type}"`,
    body: JSON.stringify(input),
    headers: { 'content-type': type },
    ...unsupported,
  })),
  {
    name: 'UTF-16',
    body: Buffer.from(JSON.stringify(input), 'utf16le'),
    headers: { 'content-type': `${JSON_TYPE}; charset=utf-16le` },
    ...unsupported,
  },
  ...['gzip', 'br', 'deflate', 'identity, gzip', 'x'].map((coding) => ({
    name: `a bomb in ${coding}`,
    body: gzipSync(Buffer.alloc(50_000_000, ' ')),
    headers: { 'content-encoding': coding },
    ...unsupported,
  })),
  {
    name: 'headers too large',
    method: 'GET',
    path: '/v1/jobs',
    headers: { 'x-large': 'x'.repeat(20_000) },
    status: 431,
    code: 'headers-too-large',
  },
  {
    name: 'a form without a boundary',
    body: '{}',
    headers: { 'content-type': 'multipart/form-data' },
    status: 400,
    code: 'bad-request',
  },
  {
    name: 'a form that is broken off',
    body: '--x\r\nContent-Disposition: form-data; name="input"; filename="a"\r\n\r\nabc',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    status: 400,
    code: 'bad-request',
  },
  {
    name: 'a field of a form that stands for two keys of one name',
    body: '--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"a":"1","a":"2"}\r\n--x--\r\n',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    status: 422,
    code: 'invalid-request',
    pointers: ['/metadata'],
  },
];

/** Bytes that no client would send. `end`: the client has said that there is no more. */
export interface BadBytes {
  name: string;
  parts: (string | Buffer)[];
  end?: boolean;
  status: number;
  code: string;
}

const post = (...headers: string[]) =>
  [`POST ${IRIS} HTTP/1.1`, 'Host: x', `Content-Type: ${JSON_TYPE}`, ...headers, '', ''].join(
    '\r\n',
  );
const chunked = post('Transfer-Encoding: chunked');
const body = JSON.stringify(input);
const badRequest = { status: 400, code: 'bad-request' };
const timeout = { status: 408, code: 'request-timeout' };

export const BAD_BYTES: BadBytes[] = [
  { name: 'no HTTP at all', parts: ['\u0016\u0003\u0001\r\n\r\n'], ...badRequest },
  { name: 'a control character in a header', parts: [post('X-A: a\u0001b')], ...badRequest },
  { name: 'a header without a colon', parts: [post('nonsense')], ...badRequest },
  {
    name: 'a body shorter than its length',
    parts: [post('Content-Length: 500'), body],
    end: true,
    ...badRequest,
  },
  {
    name: 'two lengths',
    parts: [post('Content-Length: 5', 'Content-Length: 6'), body],
    ...badRequest,
  },
  { name: 'a negative length', parts: [post('Content-Length: -1'), body], ...badRequest },
  {
    name: 'a length that is no number',
    parts: [post('Content-Length: 0x20'), body],
    ...badRequest,
  },
  {
    name: 'a length and chunks',
    parts: [post('Content-Length: 5', 'Transfer-Encoding: chunked'), '0\r\n\r\n'],
    ...badRequest,
  },
  {
    name: 'a coding of the transfer that is not there',
    parts: [post('Transfer-Encoding: chunked, gzip'), '0\r\n\r\n'],
    ...badRequest,
  },
  { name: 'a chunk whose length is no number', parts: [chunked, 'zz\r\n'], ...badRequest },
  { name: 'a chunk longer than it says', parts: [chunked, '3\r\n{"input"\r\n'], ...badRequest },
  { name: 'chunks that are broken off', parts: [chunked, '5\r\n{"inp'], end: true, ...badRequest },
  {
    name: 'a declared body too large, that is not sent',
    parts: [post('Content-Length: 99999999999')],
    status: 413,
    code: 'payload-too-large',
  },
  {
    name: 'chunks too large together',
    parts: [chunked, ...Array<string>(12).fill(`100000\r\n${' '.repeat(0x100000)}\r\n`)],
    status: 413,
    code: 'payload-too-large',
  },
  { name: 'slow headers', parts: [`POST ${IRIS} HTTP/1.1\r\nHost: x\r\n`], ...timeout },
  { name: 'a slow body', parts: [post('Content-Length: 100'), '{"inp'], ...timeout },
  { name: 'slow chunks', parts: [chunked, '5\r\n{"inp\r\n'], ...timeout },
];

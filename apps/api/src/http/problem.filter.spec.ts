import { type ArgumentsHost, BadRequestException, Logger, NotFoundException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { errorCodes } from 'fastify';
import { jobProblem, ProblemError, PROBLEMS, type ProblemCode } from '#libs/contracts';
import { ProblemFilter } from './problem.filter.js';

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Record<string, unknown>;
}

/** What the filter answers to an error. */
function answerTo(error: unknown): Answer {
  const answer: Answer = { status: 0, headers: { connection: 'close' }, body: {} };
  const reply = {
    status: (status: number) => ((answer.status = status), reply),
    header: (name: string, value: unknown) => ((answer.headers[name] = value), reply),
    removeHeader: (name: string) => Reflect.deleteProperty(answer.headers, name),
    send: (body: Answer['body']) => ((answer.body = body), reply),
  };
  const http = {
    getRequest: () => ({ id: 'req-1', url: '/v1/jobs/x?key=secret' }),
    getResponse: () => reply,
  };
  new ProblemFilter().catch(error, { switchToHttp: () => http } as unknown as ArgumentsHost);
  return answer;
}

const codes = Object.keys(PROBLEMS) as ProblemCode[];

describe('ProblemFilter', () => {
  Logger.overrideLogger(false);

  it.each(codes)('answers %s as the catalogue has it', (code) => {
    const { status, headers, body } = answerTo(new ProblemError(code, 'Do this.'));
    expect(status).toBe(PROBLEMS[code].status);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(body).toEqual({
      ...jobProblem(code, 'Do this.'),
      status,
      instance: '/v1/jobs/x',
      request_id: 'req-1',
    });
  });

  it('keeps the connection of a client that is still sending too much', () => {
    expect(answerTo(new ProblemError('payload-too-large', 'x')).headers['connection']).toBe(
      undefined,
    );
    expect(answerTo(new ProblemError('invalid-json', 'x')).headers['connection']).toBe('close');
  });

  it('passes on pointers and when to come back', () => {
    const errors = [{ pointer: '/input', message: 'x' }];
    const problem = new ProblemError('not-ready', 'x', { errors, retryAfterS: 2 });
    expect(answerTo(problem)).toMatchObject({ headers: { 'retry-after': 2 }, body: { errors } });
  });

  it.each<[keyof typeof errorCodes, ProblemCode]>([
    ['FST_ERR_BAD_URL', 'bad-request'],
    ['FST_ERR_MAX_PARAM_LENGTH', 'uri-too-long'],
    ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'bad-request'],
    ['FST_ERR_CTP_BODY_TOO_LARGE', 'payload-too-large'],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported-media-type'],
  ])('answers %s of Fastify with %s', (name, code) => {
    const error = new errorCodes[name]();
    expect(answerTo(error)).toMatchObject({ status: PROBLEMS[code].status, body: { code } });
    const wrapped = new BadRequestException('x', { cause: error });
    expect(answerTo(wrapped).body).toMatchObject({ code });
  });

  it.each([
    [new NotFoundException(), 404, 'not-found'],
    [new BadRequestException(), 400, 'bad-request'],
    [new Error('aborted'), 400, 'bad-request'],
    [
      Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }),
      400,
      'bad-request',
    ],
    [new Error('Unexpected end of multipart data'), 400, 'bad-request'],
    [Object.assign(new Error('x'), { statusCode: 414 }), 400, 'bad-request'],
    [
      Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' }),
      503,
      'queue-unavailable',
    ],
    [new Error('Connection is closed.'), 503, 'queue-unavailable'],
    [new Error('connect ECONNREFUSED 127.0.0.1:6379'), 503, 'queue-unavailable'],
    [new TypeError("Cannot read '/srv/app/secret.ts'"), 500, 'internal-error'],
    ['a text', 500, 'internal-error'],
    [null, 500, 'internal-error'],
    [undefined, 500, 'internal-error'],
  ])('answers %p with %d %s, and shows nothing of it', (error, status, code) => {
    const answer = answerTo(error);
    expect(answer).toMatchObject({ status, body: { code, status } });
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|ECONN|OOM|Error|stack/);
    if (status === 503) expect(answer.headers['retry-after']).toBeGreaterThan(0);
  });
});

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { ProblemError } from '#libs/contracts';
import type { Caller } from '../http/caller.js';
import type { JobActions } from '../jobs/job.actions.js';
import type { JobWatches } from '../jobs/job.watches.js';
import { Disconnects } from './disconnects.js';

const CALLER: Caller = { owner: 'ann', requestId: 'r', baseUrl: '', traceparent: undefined };

describe('Disconnects', () => {
  const watches = { isStopping: false };
  let canceled: string[];
  let server: FastifyInstance;
  /** A reply by itself would be taken for a promise. */
  let came: Promise<{ reply: FastifyReply }>;
  let request: http.ClientRequest;

  beforeEach(async () => {
    watches.isStopping = false;
    canceled = [];
    server = Fastify();
    let cameIn: (came: { reply: FastifyReply }) => void;
    came = new Promise((resolve) => (cameIn = resolve));
    server.get('/', (_request, reply) => {
      cameIn({ reply });
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
    request = http.get({ port: (server.server.address() as AddressInfo).port });
    request.on('error', () => undefined);
  });

  afterEach(() => {
    request.destroy();
    return server.close();
  });

  const cancel = (id: string) => {
    canceled.push(id);
    return Promise.reject(new ProblemError('job-ended', 'It has.'));
  };
  const sut = new Disconnects(
    { cancel } as unknown as JobActions,
    watches as unknown as JobWatches,
  );

  const closed = async ({ raw }: FastifyReply) => {
    if (!raw.closed) await once(raw, 'close');
  };

  it('cancels the job of a client that goes, whatever has become of it', async () => {
    const { reply } = await came;
    sut.cancel(reply, 'job_1', CALLER);
    expect(canceled).toEqual([]);
    request.destroy();
    await closed(reply);
    expect(canceled).toEqual(['job_1']);
  });

  it('cancels that of one that has gone before', async () => {
    const { reply } = await came;
    request.destroy();
    await closed(reply);
    sut.cancel(reply, 'job_1', CALLER);
    expect(canceled).toEqual(['job_1']);
  });

  it('cancels none whose client has its answer', async () => {
    const { reply } = await came;
    sut.cancel(reply, 'job_1', CALLER);
    const answered = once(request, 'response');
    void reply.send({});
    const [response] = (await answered) as [http.IncomingMessage];
    response.resume();
    await closed(reply);
    expect(canceled).toEqual([]);
  });

  it('cancels none that this process sends away, as it is to stop', async () => {
    const { reply } = await came;
    sut.cancel(reply, 'job_1', CALLER);
    watches.isStopping = true;
    reply.raw.destroy();
    await closed(reply);
    expect(canceled).toEqual([]);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyContextConfig, FastifyRequest } from 'fastify';
import { loadConfig } from '#libs/config';
import { codeOf } from '#libs/testing';
import { HeldLimits } from './held.limits.js';
import { Refusals } from './refusals.js';

const REDIS_URL = 'redis://x';
const LIMITS = { MAX_INFLIGHT_BYTES: '1000', MAX_WAITS: '1', BODY_LIMIT_BYTES: '2048' };

describe('HeldLimits', () => {
  let sut: HeldLimits;
  const refusals = new Refusals({ refused: () => undefined } as never);

  beforeEach(() => {
    sut = new HeldLimits(loadConfig({ REDIS_URL, ...LIMITS }), refusals);
  });

  /** @returns what its answer, or its client, ends it with. */
  function take(
    caller: string,
    headers: Record<string, string>,
    config: Partial<FastifyContextConfig> = {},
  ): () => void {
    const over = new AbortController();
    const request = { headers, routeOptions: { config } } as unknown as FastifyRequest;
    sut.take(caller, request, over.signal);
    return () => {
      over.abort();
    };
  }
  const length = (bytes: number) => ({ 'content-length': String(bytes) });

  it('takes bodies of a caller up to so many bytes, until they are answered', () => {
    const end = take('ann', length(600));
    take('ann', length(400));
    expect(codeOf(() => take('ann', length(1)))).toBe('too-many-bytes');
    take('ann', {});
    take('bob', length(1000));
    end();
    take('ann', length(600));
    expect(codeOf(() => take('ann', length(1)))).toBe('too-many-bytes');
  });

  it('takes one that is larger alone, and one without a length for the largest', () => {
    const end = take('ann', { 'transfer-encoding': 'chunked' });
    expect(codeOf(() => take('ann', length(1)))).toBe('too-many-bytes');
    end();
    take('ann', length(1));
    expect(codeOf(() => take('ann', { 'transfer-encoding': 'chunked' }))).toBe('too-many-bytes');
  });

  it('holds nothing of a body that is not looked at', () => {
    take('ann', length(1000), { ignoreBody: true });
    take('ann', length(1000));
  });

  it('holds what waits, and not what only could', () => {
    const end = take('ann', { prefer: 'wait=5' }, { holds: 'preferred' });
    expect(codeOf(() => take('ann', {}, { holds: 'stream' }))).toBe('too-many-connections');
    for (const prefer of ['wait=0', 'respond-async'])
      take('ann', { prefer }, { holds: 'preferred' });
    take('ann', { prefer: 'wait=5' });
    end();
    take('ann', {}, { holds: 'stream' });
  });

  it('holds nothing of what it refuses, or of who has hung up meanwhile', () => {
    take('ann', {}, { holds: 'stream' });
    expect(codeOf(() => take('ann', length(900), { holds: 'stream' }))).toBe(
      'too-many-connections',
    );
    const over = AbortSignal.abort();
    const request = { headers: length(900), routeOptions: { config: {} } };
    sut.take('ann', request as unknown as FastifyRequest, over);
    take('ann', length(900));
  });

  it('limits nothing unless it is told to', () => {
    sut = new HeldLimits(loadConfig({ REDIS_URL }), refusals);
    expect(sut.areSet).toBe(false);
  });
});

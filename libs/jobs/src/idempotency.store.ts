import { createHash } from 'node:crypto';
import { ProblemError } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    claimKey(key: string, value: string, lifetimeMs: number): Result<string, Context>;
  }
}

const LIFETIME_MS = 24 * 3_600_000;

/** A caller's idempotency key, and what it came with. */
export interface KeyedRequest {
  /** Name of the API key that the idempotency key belongs to. */
  owner: string;
  key: string;
  /** Digest of all that must be the same whenever the key is sent; without spaces. */
  fingerprint: string;
}

/** Which job an idempotency key stands for: told by whoever sent it first, for 24 hours. */
export class IdempotencyStore {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('claimKey', { lua: scriptText('claim.lua'), numberOfKeys: 1 });
  }

  /**
   * @returns the job that the key stands for; null where it is free.
   * @throws ProblemError `idempotency-mismatch` where it came with something else.
   */
  async find(request: KeyedRequest): Promise<string | null> {
    const held = await this.redis.get(this.nameOf(request));
    return held === null ? null : jobOf(held, request);
  }

  /**
   * Lets the key stand for `jobId`, unless it stands for a job already.
   * @returns the job that it stands for now.
   * @throws ProblemError `idempotency-mismatch` where it came with something else.
   */
  async claim(request: KeyedRequest, jobId: string): Promise<string> {
    const value = `${jobId} ${request.fingerprint}`;
    return jobOf(await this.redis.claimKey(this.nameOf(request), value, LIFETIME_MS), request);
  }

  /** Hashed, as callers choose it: no secret of theirs shows, and none is longer than another. */
  private nameOf({ owner, key }: KeyedRequest): string {
    return this.keys.idempotency(createHash('sha256').update(`${owner}\0${key}`).digest('hex'));
  }
}

function jobOf(held: string, { fingerprint }: KeyedRequest): string {
  const [jobId = '', itsFingerprint] = held.split(' ');
  if (itsFingerprint === fingerprint) return jobId;
  throw new ProblemError(
    'idempotency-mismatch',
    'This Idempotency-Key came with another request before. Send that one again, or use a new key.',
  );
}

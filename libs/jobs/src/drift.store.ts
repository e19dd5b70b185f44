import type { DriftBasis, DriftLevel, DriftReference } from '#libs/contracts';
import type { Result } from 'ioredis';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    changeDriftLevel(...args: string[]): Result<number, Context>;
  }
}

/** A process that computes a reference and dies is waited for so long. */
const CLAIM_MS = 300_000;

/** What is known of a version's drift, but for what was observed. */
export interface DriftState {
  /** As the worker told that loaded it last; undefined: none has. */
  basis: (DriftBasis & { digest: string }) | undefined;
  /** Of the basis' reference, once it is computed. */
  heldOut: DriftReference | undefined;
  pinned: DriftReference | undefined;
  level: DriftLevel;
}

/** What the drift of versions is told by, for all processes. */
export class DriftStore {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('changeDriftLevel', {
      numberOfKeys: 1,
      lua: scriptText('change-drift-level.lua'),
    });
  }

  async read(model: string, version: string): Promise<DriftState> {
    const found = await this.redis.hgetall(this.keys.drift(model, version));
    const parsed = (name: string): unknown =>
      found[name] === undefined ? undefined : JSON.parse(found[name]);
    const basis = parsed('basis') as DriftState['basis'];
    const heldOut = parsed('held-out') as (DriftReference & { digest: string }) | undefined;
    return {
      basis,
      // Of a graph or a file that is not served any more it says nothing.
      heldOut: heldOut && heldOut.digest === basis?.digest ? heldOut : undefined,
      pinned: parsed('pinned') as DriftReference | undefined,
      level: (found['level'] ?? 'ok') as DriftLevel,
    };
  }

  /** @param digest of all that the counts of its reference depend on. */
  async putBasis(model: string, version: string, digest: string, basis: DriftBasis): Promise<void> {
    const text = JSON.stringify({ ...basis, digest });
    await this.redis.hset(this.keys.drift(model, version), 'basis', text);
  }

  /** @returns whether the caller is to compute the reference; else another process does. */
  async claim(model: string, version: string, digest: string): Promise<boolean> {
    const key = this.keys.driftClaim(model, version, digest);
    return (await this.redis.set(key, '1', 'PX', CLAIM_MS, 'NX')) === 'OK';
  }

  /** Could not be computed; another process may try. */
  async release(model: string, version: string, digest: string): Promise<void> {
    await this.redis.unlink(this.keys.driftClaim(model, version, digest));
  }

  async putHeldOut(
    model: string,
    version: string,
    digest: string,
    reference: DriftReference,
  ): Promise<void> {
    const text = JSON.stringify({ ...reference, digest });
    await this.redis.hset(this.keys.drift(model, version), 'held-out', text);
  }

  /** Goes before a reference of the model's folder, until it is removed. */
  async pin(model: string, version: string, reference: DriftReference): Promise<void> {
    await this.redis.hset(this.keys.drift(model, version), 'pinned', JSON.stringify(reference));
  }

  async unpin(model: string, version: string): Promise<void> {
    await this.redis.hdel(this.keys.drift(model, version), 'pinned');
  }

  /** @returns false where it is not `from` any more: another process has told of it. */
  async changeLevel(
    model: string,
    version: string,
    from: DriftLevel,
    to: DriftLevel,
  ): Promise<boolean> {
    return (await this.redis.changeDriftLevel(this.keys.drift(model, version), from, to)) === 1;
  }
}

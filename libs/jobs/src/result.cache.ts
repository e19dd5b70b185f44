import { randomUUID } from 'node:crypto';
import type { Result } from 'ioredis';
import { clock } from '#libs/clock';
import type { CacheUse } from './cache-use.js';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';
import { scriptText } from './script.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    claimResult(...args: (string | number)[]): Result<string | 0 | 1, Context>;
    releaseResult(...args: (string | number)[]): Result<null, Context>;
    storeResults(keyCount: number, ...args: (string | number)[]): Result<null, Context>;
  }
}

/** What a process that has died had claimed is computed by another one so much later. */
const CLAIM_MS = 10_000;
/** So often the claims of one that lives are to be renewed. */
export const CLAIM_RENEWAL_MS = CLAIM_MS / 4;

/** A result that is to be kept. */
export interface KeptResult {
  use: CacheUse;
  /** JSON text of an array, one entry an instance. */
  outputs: string;
}

/**
 * Results of a model's jobs that are those of identical ones to come, and who computes which. It is in the slot of
 * the model's jobs. All of it may be lost at any time: what is lost is computed.
 */
export class ResultCache {
  private readonly process = randomUUID();

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    const define = (name: string, file: string, numberOfKeys?: number) => {
      redis.defineCommand(name, { lua: scriptText(file), ...(numberOfKeys && { numberOfKeys }) });
    };
    define('claimResult', 'claim-result.lua', 2);
    define('releaseResult', 'release-result.lua', 1);
    define('storeResults', 'store-results.lua');
  }

  /** @returns JSON text of its outputs; null where it is not kept. */
  find(model: string, key: string): Promise<string | null> {
    return this.redis.get(this.keys.result(model, key));
  }

  /**
   * @returns JSON text of its outputs, or who is to compute it. A claim of this process holds for 10 s, or until it
   *   is released or its result is stored.
   */
  async findOrClaim(model: string, key: string): Promise<{ outputs: string } | 'mine' | 'taken'> {
    const { keys } = this;
    const names = [keys.result(model, key), keys.resultClaim(model, key)];
    const answer = await this.redis.claimResult(...names, this.process, CLAIM_MS);
    if (typeof answer === 'string') return { outputs: answer };
    return answer === 1 ? 'mine' : 'taken';
  }

  async renew(model: string, key: string): Promise<void> {
    await this.redis.pexpire(this.keys.resultClaim(model, key), CLAIM_MS);
  }

  /** Nothing came of it: another process may try. */
  async release(model: string, key: string): Promise<void> {
    await this.redis.releaseResult(this.keys.resultClaim(model, key), this.process);
  }

  /** All of one model. Claims to them are over. */
  async store(model: string, results: readonly KeptResult[]): Promise<void> {
    const { keys } = this;
    const names = results.flatMap(({ use: { key } }) => [
      keys.result(model, key),
      keys.resultClaim(model, key),
    ]);
    const args = results.flatMap(({ use, outputs }) => [
      ...[use.key, outputs, Math.ceil(use.ttlS * 1000), use.maxEntries],
    ]);
    const index = [keys.results(model), ...names];
    await this.redis.storeResults(
      index.length,
      ...index,
      clock.now(),
      keys.resultPrefix(model),
      ...args,
    );
  }
}

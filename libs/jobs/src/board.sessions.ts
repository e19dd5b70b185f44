import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis.js';

/** After which one logs in again. */
export const BOARD_SESSION_S = 12 * 3600;

const WINDOW_MS = 15 * 60_000;

/** Logins in a quarter of an hour, after which none is looked at: failed ones of an address, and any of all together. */
const MOST_LOGINS = { address: 10, all: 100 } as const;

/**
 * Sessions of Bull Board and the tries to get one, in Redis: what one api has let in, all have. Neither what is
 * stored nor its key opens anything, and a session ends with the password that it was opened by.
 */
export class BoardSessions {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** @returns the token to come back with. */
  async open(password: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await this.redis.set(this.nameOf(token), seal(token, password), 'EX', BOARD_SESSION_S);
    return token;
  }

  async isOpen(token: string, password: string): Promise<boolean> {
    const held = await this.redis.get(this.nameOf(token));
    return held !== null && isSame(held, seal(token, password));
  }

  async close(token: string): Promise<void> {
    await this.redis.unlink(this.nameOf(token));
  }

  /**
   * Counts a login before it is looked at, so that many at once are no way around.
   * @returns milliseconds after which to try again; 0 where this one may be looked at.
   */
  async tryLogin(address: string): Promise<number> {
    const counters = this.counters(address);
    const transaction = this.redis.multi();
    for (const { key } of counters) {
      transaction.set(key, 0, 'PX', WINDOW_MS, 'NX').incr(key).pttl(key);
    }
    const replies = ((await transaction.exec()) ?? []).map(([error, reply]) => {
      if (error) throw error;
      return Number(reply);
    });
    const waits = counters.map(({ most }, i) =>
      (replies[3 * i + 1] ?? 0) > most ? (replies[3 * i + 2] ?? WINDOW_MS) : 0,
    );
    return Math.max(...waits);
  }

  /** Whoever knows the password may have mistyped it before. */
  async forgetTries(address: string): Promise<void> {
    await this.redis.unlink(this.keys.boardLogins(digest(address)));
  }

  private counters(address: string): Counter[] {
    return [
      { key: this.keys.boardLogins(digest(address)), most: MOST_LOGINS.address },
      { key: this.keys.boardLogins('all'), most: MOST_LOGINS.all },
    ];
  }

  private nameOf(token: string): string {
    return this.keys.boardSession(digest(token));
  }
}

interface Counter {
  key: string;
  most: number;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function seal(token: string, password: string): string {
  return createHmac('sha256', token).update(password).digest('hex');
}

function isSame(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

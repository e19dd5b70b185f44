import { createHash, randomInt } from 'node:crypto';
import type { OnApplicationShutdown } from '@nestjs/common';
import { clock } from '#libs/clock';
import type { ApiKeyView, NewApiKeyView, ScopeName } from '#libs/contracts';
import type { Keys } from './keys.js';
import { Mirror } from './mirror.js';
import type { RedisConnection } from './redis.js';

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const SECRET_ALPHABET = `${ID_ALPHABET}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;
const ID_LENGTH = 12;
/** 62^43 is just above 2^256. */
const SECRET_LENGTH = 43;
const LAST_CHARACTERS = 4;

/** A key as it is stored: its digest in place of itself. */
export interface StoredKey extends Omit<ApiKeyView, 'object'> {
  digest: string;
}

/** What a new key may do, and for how long. */
export interface KeyWish {
  name: string;
  scopes: readonly ScopeName[];
  /** Absent: for ever. */
  expiresInS?: number | undefined;
}

/**
 * SHA-256, in base64. What is stored could be guessed back only for a key that can be guessed; ours have 256 bits
 * of chance, so that a slow hash, which each request would pay for, would gain nothing.
 */
export function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}

/** The API keys that are made while the system runs. No key itself is kept anywhere. */
export class ApiKeyStore implements OnApplicationShutdown {
  private mirror: Mirror<StoredKey[]> | undefined;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** Gives all keys to `take`, now and after every change, in whichever process that was made. */
  async follow(take: (keys: StoredKey[]) => void): Promise<void> {
    this.mirror = new Mirror(this.redis, this.keys.apiKeysChannel, () => this.read(), take);
    await this.mirror.open();
  }

  onApplicationShutdown(): void {
    this.mirror?.close();
  }

  /** Works at once in this process, and in others as soon as they hear of it. */
  async create({ name, scopes, expiresInS }: KeyWish): Promise<NewApiKeyView> {
    const id = randomText(ID_ALPHABET, ID_LENGTH);
    const key = `ftk_${id}_${randomText(SECRET_ALPHABET, SECRET_LENGTH)}`;
    const now = clock.now();
    const stored: StoredKey = {
      id,
      name,
      digest: digestOf(key),
      scopes: [...scopes],
      created_at: iso(now),
      expires_at: expiresInS === undefined ? null : iso(now + expiresInS * 1000),
      last_characters: key.slice(-LAST_CHARACTERS),
    };
    const { apiKeys, apiKeysChannel } = this.keys;
    await this.redis
      .multi()
      .hset(apiKeys, id, JSON.stringify(stored))
      .publish(apiKeysChannel, id)
      .exec();
    await this.mirror?.look();
    return { ...view(stored), key };
  }

  /** The oldest first. */
  async list(): Promise<ApiKeyView[]> {
    const all = await this.read();
    return all.map(view).sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  }

  /**
   * The key is refused from now on: at once in this process, and in others as soon as they hear of it.
   * @returns false where there was none.
   */
  async revoke(id: string): Promise<boolean> {
    const { apiKeys, apiKeysChannel } = this.keys;
    const answers = await this.redis.multi().hdel(apiKeys, id).publish(apiKeysChannel, id).exec();
    await this.mirror?.look();
    return answers?.[0]?.[1] === 1;
  }

  private async read(): Promise<StoredKey[]> {
    const texts = await this.redis.hvals(this.keys.apiKeys);
    return texts.map((text) => JSON.parse(text) as StoredKey);
  }
}

/** What a list of keys is sorted by. */
export function placeOf({ created_at, id }: ApiKeyView): string {
  return `${created_at} ${id}`;
}

function view(stored: StoredKey): ApiKeyView {
  const { id, name, scopes, created_at, expires_at, last_characters } = stored;
  return { id, object: 'api_key', name, scopes, created_at, expires_at, last_characters };
}

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

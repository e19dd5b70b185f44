import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { ApiKeyStore, digestOf, type StoredKey } from './api-key.store.js';
import { Keys } from './keys.js';

const keys = new Keys('test');
const WISH = { name: 'ann', scopes: ['read', 'predict'] } as const;

describe('ApiKeyStore', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: ApiKeyStore;
  let other: ApiKeyStore;
  /** What each of them was given last. */
  let seen: Map<ApiKeyStore, StoredKey[]>;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });

  beforeEach(async () => {
    await redis.flushall();
    seen = new Map();
    sut = await followed();
    other = await followed();
  });

  afterEach(() => {
    for (const store of seen.keys()) store.onApplicationShutdown();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function followed(): Promise<ApiKeyStore> {
    const store = new ApiKeyStore(redis, keys);
    await store.follow((found) => {
      seen.set(store, found);
    });
    return store;
  }

  const idsSeen = (store: ApiKeyStore) => seen.get(store)?.map(({ id }) => id);

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await redis.ping();
  }

  it('makes keys that nobody can guess, and keeps their digests alone', async () => {
    const made = await sut.create(WISH);
    const { id, key, last_characters } = made;
    expect(key).toMatch(new RegExp(`^ftk_${id}_[A-Za-z0-9]{43}$`));
    expect(key.endsWith(last_characters)).toBe(true);
    expect(made).toMatchObject({ object: 'api_key', ...WISH, expires_at: null });
    expect((await sut.create(WISH)).key).not.toBe(key);
    expect(seen.get(sut)?.find((one) => one.id === id)?.digest).toBe(digestOf(key));
    const held = JSON.stringify(await redis.hgetall(keys.apiKeys));
    expect(held).not.toContain(key.slice(`ftk_${id}_`.length));
  });

  it('lists them, the oldest first, with neither key nor digest', async () => {
    const first = await sut.create({ ...WISH, expiresInS: 60 });
    while (Date.now() <= Date.parse(first.created_at));
    const second = await other.create({ name: 'bob', scopes: ['admin'] });
    const { key, ...shown } = first;
    const list = await sut.list();
    expect(list).toEqual([shown, expect.objectContaining({ id: second.id })]);
    expect(JSON.stringify(list)).not.toContain(digestOf(key));
    const life = Date.parse(first.expires_at ?? '') - Date.parse(first.created_at);
    expect(life).toBe(60_000);
  });

  it('tells of a new and of a revoked key: at once here, soon elsewhere', async () => {
    const { id } = await sut.create(WISH);
    expect(idsSeen(sut)).toEqual([id]);
    await until(() => idsSeen(other)?.[0] === id);
    expect(await other.revoke(id)).toBe(true);
    expect(idsSeen(other)).toEqual([]);
    await until(() => idsSeen(sut)?.length === 0);
    expect(await other.revoke(id)).toBe(false);
    expect(await sut.list()).toEqual([]);
  });

  it('is read again when the connection that hears of changes was away', async () => {
    const { id } = await sut.create(WISH);
    await until(() => idsSeen(other)?.[0] === id);
    await redis.hdel(keys.apiKeys, id);
    expect(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(2);
    await until(() => [sut, other].every((store) => idsSeen(store)?.length === 0));
  });

  it('makes and revokes without following', async () => {
    const alone = new ApiKeyStore(redis, keys);
    const { id } = await alone.create(WISH);
    await until(() => idsSeen(sut)?.[0] === id);
    expect(await alone.revoke(id)).toBe(true);
  });
});

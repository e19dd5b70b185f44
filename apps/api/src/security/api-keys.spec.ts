import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { loadConfig } from '#libs/config';
import { type ApiKeyStore, digestOf, type StoredKey } from '#libs/jobs';
import { ApiKeys } from './api-keys.js';

const CREATED = Date.parse('2026-11-21T09:00:00.250Z');

function stored(key: string, about: Partial<StoredKey> = {}): StoredKey {
  return {
    id: `id-of-${key}`,
    name: 'ann',
    digest: digestOf(key),
    scopes: ['read'],
    created_at: new Date(CREATED).toISOString(),
    expires_at: null,
    last_characters: key.slice(-4),
    ...about,
  };
}

/** With a store that the test plays. @returns what tells of a change. */
async function keysOf(env: NodeJS.ProcessEnv, first: StoredKey[] = []) {
  let change: (keys: StoredKey[]) => void = () => undefined;
  const store = {
    follow: (take: (keys: StoredKey[]) => void) => {
      change = take;
      take(first);
      return Promise.resolve();
    },
  } as ApiKeyStore;
  const sut = new ApiKeys(loadConfig({ REDIS_URL: 'redis://x', ...env }), store);
  await sut.onModuleInit();
  return {
    sut,
    change: (keys: StoredKey[]) => {
      change(keys);
    },
  };
}

describe('ApiKeys', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('finds those of the settings and those that are stored, and nothing like them', async () => {
    const { sut } = await keysOf({ API_KEYS: 'bob:12345678' }, [stored('ftk_one')]);
    expect(sut.find('12345678')).toMatchObject({ id: 'bob.1', name: 'bob' });
    expect(sut.find('ftk_one')).toMatchObject({ id: 'id-of-ftk_one', name: 'ann' });
    for (const key of ['', '1234567', '123456789', 'bob', 'bob:12345678', digestOf('ftk_one')])
      expect(sut.find(key)).toBeNull();
  });

  it('knows a key no more that is stored no more', async () => {
    const { sut, change } = await keysOf({}, [stored('ftk_one'), stored('ftk_two')]);
    change([stored('ftk_two')]);
    expect(sut.find('ftk_one')).toBeNull();
    expect(sut.find('ftk_two')).not.toBeNull();
  });

  it('refuses a key from the very moment on at which it expires', async () => {
    const expiresAt = CREATED + 60_000;
    const key = stored('ftk_one', { expires_at: new Date(expiresAt).toISOString() });
    const { sut } = await keysOf({}, [key]);
    jest.useFakeTimers({ now: expiresAt - 1 });
    expect(sut.find('ftk_one')).not.toBeNull();
    jest.setSystemTime(expiresAt);
    expect(sut.find('ftk_one')).toBeNull();
  });

  it.each<[string, NodeJS.ProcessEnv, StoredKey[], boolean]>([
    ['nothing', {}, [], false],
    ['API_KEYS', { API_KEYS: 'ann:12345678' }, [], true],
    ['AUTH', { AUTH: 'required' }, [], true],
    ['a stored key', {}, [stored('ftk_one')], true],
    ['one that has expired', {}, [stored('x', { expires_at: '2020-01-01T00:00:00.000Z' })], true],
  ])('are needed with %s', async (_, env, first, required) => {
    expect((await keysOf(env, first)).sut.required).toBe(required);
  });

  it('are needed as soon as one is stored, and also after the last was revoked', async () => {
    const { sut, change } = await keysOf({});
    change([stored('ftk_one')]);
    expect(sut.required).toBe(true);
    change([]);
    expect(sut.required).toBe(true);
    expect(sut.find('ftk_one')).toBeNull();
  });
});

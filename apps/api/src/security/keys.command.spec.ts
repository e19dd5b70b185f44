import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiKeyView } from '#libs/contracts';
import type { ApiKeyStore } from '#libs/jobs';
import { keysCommand, UsageError } from './keys.command.js';

type Wish = Parameters<ApiKeyStore['create']>[0];

const SHOWN: ApiKeyView = {
  id: 'abc',
  object: 'api_key',
  name: 'ann',
  scopes: ['read', 'models:write'],
  created_at: '2026-11-21T09:00:00.000Z',
  expires_at: null,
  last_characters: 'wxyz',
};

describe('keysCommand', () => {
  let wishes: Wish[];
  let store: ApiKeyStore;

  beforeEach(() => {
    wishes = [];
    store = {
      create: (wish: Wish) => {
        wishes.push(wish);
        return Promise.resolve({ ...SHOWN, key: 'ftk_abc_secretwxyz' });
      },
      list: () => Promise.resolve([SHOWN, { ...SHOWN, expires_at: '2026-01-01T00:00:00.000Z' }]),
      revoke: (id: string) => Promise.resolve(id === 'abc'),
    } as ApiKeyStore;
  });

  const run = (line: string) => keysCommand(line.split(' ').filter(Boolean), store);

  it('makes a key and shows it', async () => {
    const shown = await run('create --name ann');
    expect(wishes).toEqual([
      { name: 'ann', scopes: ['predict', 'read', 'webhooks', 'models:write'] },
    ]);
    expect(shown.split('\n')).toContain('ftk_abc_secretwxyz');
    expect(shown).toContain('only now');
  });

  it.each<[string, Partial<Wish>]>([
    ['--scopes read,admin', { scopes: ['read', 'admin'] }],
    ['--scopes read+models:write+read', { scopes: ['read', 'models:write'] }],
    ['--expires-in 90s', { expiresInS: 90 }],
    ['--expires-in 30m', { expiresInS: 1800 }],
    ['--expires-in 12h', { expiresInS: 43_200 }],
    ['--expires-in 3650d', { expiresInS: 315_360_000 }],
  ])('makes one with %s', async (options, wish) => {
    await run(`create --name ann ${options}`);
    expect(wishes).toEqual([expect.objectContaining(wish)]);
  });

  it('lists what is known of keys, in columns', async () => {
    expect((await run('list')).split('\n')).toEqual([
      'ID   NAME  SCOPES             CREATED                   EXPIRES                          ENDS IN',
      'abc  ann   read+models:write  2026-11-21T09:00:00.000Z  never                            …wxyz',
      'abc  ann   read+models:write  2026-11-21T09:00:00.000Z  2026-01-01T00:00:00.000Z (over)  …wxyz',
    ]);
  });

  it('revokes, and says so where there is no such key', async () => {
    expect(await run('revoke abc')).toBe('revoked abc');
    await expect(run('revoke abd')).rejects.toThrow(/^there is no key abd/);
  });

  it.each([
    ...['', 'make', 'create', 'create --name a:b', 'create ann', 'create --name ann more'],
    ...['create --name ann --scopes write', 'create --name ann --scopes read,', 'list all'],
    ...['create --name ann --expires-in 30', 'create --name ann --expires-in 0d', 'revoke'],
    ...['create --name ann --expires-in 3651d', 'list --name ann', 'revoke a b', 'list --all'],
  ])('does not understand %p', async (line) => {
    await expect(run(line)).rejects.toThrow(UsageError);
    expect(wishes).toEqual([]);
  });
});

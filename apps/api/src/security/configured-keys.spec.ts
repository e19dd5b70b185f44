import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '#libs/config';
import { configuredKeys } from './configured-keys.js';

const keysOf = (env: NodeJS.ProcessEnv) =>
  configuredKeys(loadConfig({ REDIS_URL: 'redis://x', ...env }).server);

describe('configuredKeys', () => {
  it('are none where none are configured', () => {
    expect(keysOf({})).toEqual([]);
  });

  it('have a name each and an id of their own, and are not kept themselves', () => {
    const keys = keysOf({ API_KEYS: 'ann:12345678, bob:abcdefgh,ann:second-key,' });
    expect(keys.map(({ name }) => name)).toEqual(['ann', 'bob', 'ann']);
    expect(keys.map(({ id }) => id)).toEqual(['ann.1', 'bob.1', 'ann.2']);
    expect(JSON.stringify(keys)).not.toMatch(/12345678|abcdefgh|second/);
  });

  it.each([
    ['ann:12345678', ['predict', 'read', 'webhooks', 'models:write']],
    ['ann:12345678:read', ['read']],
    ['ann:12345678:models:write', ['models:write']],
    ['ann:12345678:admin+read', ['admin', 'read']],
    ['ann:12345678:predict+models:write+read', ['predict', 'models:write', 'read']],
  ])('reads the scopes of %s', (API_KEYS, scopes) => {
    expect([...(keysOf({ API_KEYS })[0]?.scopes ?? [])]).toEqual(scopes);
  });

  it.each(['ann:12345678:write', 'ann:12345678:read+write', 'bob:abcdefgh,ann:12345678:write'])(
    'names the scope that there is not in %s, and no key',
    (API_KEYS) => {
      const message =
        'API_KEYS: write is not a scope; there are predict, read, webhooks, models:write, admin';
      expect(() => keysOf({ API_KEYS })).toThrow(new ConfigError(message));
    },
  );

  it.each(['ann:12345678:', 'ann:12345678:read+', 'ann:12345678:READ', 'ann:12345678:4bf92f35'])(
    'does not repeat what may be the rest of a key in %s',
    (API_KEYS) => {
      expect(() => keysOf({ API_KEYS })).toThrow(ConfigError);
      expect(() => keysOf({ API_KEYS })).toThrow(
        /^API_KEYS: a scope is not one; there are predict/,
      );
    },
  );

  it.each([
    ...['ann', 'ann:', ':12345678', 'ann:short', 'a b:12345678', 'ann:1234 5678', ',', ' '],
    ...['a.b:12345678', `${'a'.repeat(65)}:12345678`],
  ])('refuses to start with %p, and does not repeat it', (API_KEYS) => {
    expect(() => keysOf({ API_KEYS })).toThrow(ConfigError);
    expect(() => keysOf({ API_KEYS })).toThrow(/^API_KEYS: (?!.*(short|12345678))/);
  });

  it('reads a file, with comments and any line ends', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'foretell-'));
    const API_KEYS_FILE = join(dir, 'keys');
    await writeFile(API_KEYS_FILE, '# keys\r\nann:12345678\r\n\r\nbob:abcdefgh');
    expect(keysOf({ API_KEYS_FILE }).map(({ name }) => name)).toEqual(['ann', 'bob']);
    await writeFile(API_KEYS_FILE, '# none\n');
    expect(() => keysOf({ API_KEYS_FILE })).toThrow(ConfigError);
    await rm(dir, { recursive: true });
    expect(() => keysOf({ API_KEYS_FILE })).toThrow(/^API_KEYS_FILE: .*cannot be read/);
  });
});

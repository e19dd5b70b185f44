import { type ExecutionContext, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '#libs/config';
import { codeOf, problemOf } from '#libs/testing';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeys } from './api-keys.js';
import { Public } from './public.decorator.js';
import { Scope, SCOPES } from './scope.decorator.js';

const keysOf = (env: NodeJS.ProcessEnv) =>
  new ApiKeys(loadConfig({ REDIS_URL: 'redis://x', ...env }));

@Scope('read')
class Endpoints {
  @Public()
  open(): string {
    return 'open';
  }
  closed(): string {
    return 'closed';
  }
  @Scope('models:write')
  guarded(): string {
    return 'guarded';
  }
}

class Forgotten {
  closed(): string {
    return 'closed';
  }
}

describe('ApiKeys', () => {
  it('knows the name of each key', () => {
    const sut = keysOf({ API_KEYS: 'ann:12345678, bob:abcdefgh,ann:second-key,' });
    expect(sut.required).toBe(true);
    expect(sut.find('12345678')?.name).toBe('ann');
    expect(sut.find('second-key')?.name).toBe('ann');
    expect(sut.find('abcdefgh')?.name).toBe('bob');
    for (const key of ['', '1234567', '123456789', 'ann', 'ann:12345678', 'ABCDEFGH']) {
      expect(sut.find(key)).toBeNull();
    }
  });

  it.each([
    ['ann:12345678', SCOPES],
    ['ann:12345678:read', ['read']],
    ['ann:12345678:models:write', ['models:write']],
    ['ann:12345678:predict+models:write+read', ['predict', 'models:write', 'read']],
  ])('reads the scopes of %s', (API_KEYS, scopes) => {
    expect([...(keysOf({ API_KEYS }).find('12345678')?.scopes ?? [])]).toEqual(scopes);
  });

  it.each(['ann:12345678:write', 'ann:12345678:read+write', 'bob:abcdefgh,ann:12345678:write'])(
    'names the scope that there is not in %s, and no key',
    (API_KEYS) => {
      const message =
        'API_KEYS: write is not a scope; there are predict, read, webhooks, models:write';
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

  it('are not needed where none are configured', () => {
    expect(keysOf({}).required).toBe(false);
  });

  it.each(['ann', 'ann:', ':12345678', 'ann:short', 'a b:12345678', 'ann:1234 5678', ',', ' '])(
    'refuses to start with %p, and does not repeat it',
    (API_KEYS) => {
      expect(() => keysOf({ API_KEYS })).toThrow(ConfigError);
      expect(() => keysOf({ API_KEYS })).toThrow(/^API_KEYS: (?!.*(short|12345678))/);
    },
  );

  it('reads a file, with comments and any line ends', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'foretell-'));
    const API_KEYS_FILE = join(dir, 'keys');
    await writeFile(API_KEYS_FILE, '# keys\r\nann:12345678\r\n\r\nbob:abcdefgh');
    const sut = keysOf({ API_KEYS_FILE });
    const names = ['12345678', 'abcdefgh'].map((key) => sut.find(key)?.name);
    expect(names).toEqual(['ann', 'bob']);
    await writeFile(API_KEYS_FILE, '# none\n');
    expect(() => keysOf({ API_KEYS_FILE })).toThrow(ConfigError);
    await rm(dir, { recursive: true });
    expect(() => keysOf({ API_KEYS_FILE })).toThrow(/^API_KEYS_FILE: .*cannot be read/);
  });
});

describe('ApiKeyGuard', () => {
  function ask(
    authorization: string | undefined,
    endpoint: keyof Endpoints = 'closed',
    { of = Endpoints, keys = 'ann:12345678' }: { of?: Type; keys?: string } = {},
  ) {
    const request = { headers: { authorization }, owner: undefined };
    const context = {
      getHandler: () => Reflect.get(of.prototype as object, endpoint) as unknown,
      getClass: () => of,
      switchToHttp: () => ({ getRequest: () => request }),
    } as unknown as ExecutionContext;
    const sut = new ApiKeyGuard(keysOf({ API_KEYS: keys }), new Reflector());
    return { allowed: () => sut.canActivate(context), request };
  }

  it.each(['Bearer 12345678', 'bearer 12345678'])('lets %p in as its owner', (header) => {
    const { allowed, request } = ask(header);
    expect(allowed()).toBe(true);
    expect(request.owner).toBe('ann');
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Bearer wrong', 'Basic 12345678', '12345678'])(
    'keeps %p out',
    (header) => {
      expect(codeOf(ask(header).allowed)).toBe('unauthorized');
    },
  );

  it.each<[keyof Endpoints, string, boolean]>([
    ['closed', 'read', true],
    ['closed', 'predict+webhooks+models:write', false],
    ['guarded', 'models:write', true],
    ['guarded', 'read', false],
  ])('lets a key into %s with %s: %p', (endpoint, scopes, allowed) => {
    const asked = ask('Bearer 12345678', endpoint, { keys: `ann:12345678:${scopes}` });
    if (allowed) {
      expect(asked.allowed()).toBe(true);
      return;
    }
    const problem = problemOf(asked.allowed);
    expect(problem).toMatchObject({ code: 'forbidden', status: 403 });
    const needed = endpoint === 'closed' ? 'read' : 'models:write';
    expect(problem.detail).toBe(`Use a key that has the scope ${needed}.`);
    expect(asked.request.owner).toBeUndefined();
  });

  it('lets nobody in where the scope was forgotten', () => {
    expect(ask('Bearer 12345678', 'closed', { of: Forgotten }).allowed).toThrow(TypeError);
  });

  it('tells nothing of scopes to who has no key', () => {
    const keys = 'ann:12345678:predict';
    expect(codeOf(ask('Bearer wrong', 'guarded', { keys }).allowed)).toBe('unauthorized');
  });

  it('asks nobody for a key where it is public', () => {
    expect(ask(undefined, 'open').allowed()).toBe(true);
  });
});

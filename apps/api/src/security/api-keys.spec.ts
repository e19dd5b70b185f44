import { type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '#libs/config';
import { codeOf } from '#libs/testing';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeys } from './api-keys.js';
import { Public } from './public.decorator.js';

const keysOf = (env: NodeJS.ProcessEnv) =>
  new ApiKeys(loadConfig({ REDIS_URL: 'redis://x', ...env }));

class Endpoints {
  @Public()
  open(): string {
    return 'open';
  }
  closed(): string {
    return 'closed';
  }
}

describe('ApiKeys', () => {
  it('knows the name of each key', () => {
    const sut = keysOf({ API_KEYS: 'ann:12345678, bob:abcdefgh,ann:second-key,' });
    expect(sut.required).toBe(true);
    expect(sut.ownerOf('12345678')).toBe('ann');
    expect(sut.ownerOf('second-key')).toBe('ann');
    expect(sut.ownerOf('abcdefgh')).toBe('bob');
    for (const key of ['', '1234567', '123456789', 'ann', 'ann:12345678', 'ABCDEFGH']) {
      expect(sut.ownerOf(key)).toBeNull();
    }
  });

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
    expect([sut.ownerOf('12345678'), sut.ownerOf('abcdefgh')]).toEqual(['ann', 'bob']);
    await writeFile(API_KEYS_FILE, '# none\n');
    expect(() => keysOf({ API_KEYS_FILE })).toThrow(ConfigError);
    await rm(dir, { recursive: true });
    expect(() => keysOf({ API_KEYS_FILE })).toThrow(/^API_KEYS_FILE: .*cannot be read/);
  });
});

describe('ApiKeyGuard', () => {
  function ask(authorization: string | undefined, endpoint: keyof Endpoints = 'closed') {
    const request = { headers: { authorization }, owner: undefined };
    const context = {
      getHandler: () => Reflect.get(Endpoints.prototype, endpoint) as unknown,
      getClass: () => Endpoints,
      switchToHttp: () => ({ getRequest: () => request }),
    } as unknown as ExecutionContext;
    const sut = new ApiKeyGuard(keysOf({ API_KEYS: 'ann:12345678' }), new Reflector());
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

  it('asks nobody for a key where it is public', () => {
    expect(ask(undefined, 'open').allowed()).toBe(true);
  });
});

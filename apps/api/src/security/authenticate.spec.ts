import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { APP_FILTER, DiscoveryModule, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { loadConfig } from '#libs/config';
import type { ApiKeyStore } from '#libs/jobs';
import { ProblemFilter } from '../http/problem.filter.js';
import { ApiKeys } from './api-keys.js';
import { authenticate } from './authenticate.js';
import { FailedAttempts } from './failed-attempts.js';
import { Public } from './public.decorator.js';
import { Scope } from './scope.decorator.js';

@Scope('read')
@Controller('scoped')
class Scoped {
  @Public()
  @Get('open')
  open(): string {
    return 'open';
  }
  @Get(':id')
  own(): string {
    return 'own';
  }
  @RouteConfig({ ignoreBody: true })
  @Scope('models:write')
  @Post('first')
  first(): string {
    return 'first';
  }
  @Scope('models:write')
  @RouteConfig({ ignoreBody: true })
  @Post('last')
  last(): string {
    return 'last';
  }
}

@Public()
@Controller('open')
class Open {
  @Get()
  open(): string {
    return 'open';
  }
  @Scope('read')
  @Get('closed')
  closed(): string {
    return 'closed';
  }
}

@Controller('forgotten')
class Forgotten {
  @Get()
  forgotten(): string {
    return 'forgotten';
  }
}

describe('authenticate', () => {
  let app: NestFastifyApplication | undefined;

  afterEach(async () => {
    await app?.close();
  });

  /** @returns asks for a path. */
  async function start(API_KEYS: string | undefined = 'ann:12345678') {
    const store = { follow: () => Promise.resolve() } as unknown as ApiKeyStore;
    const keys = new ApiKeys(loadConfig({ REDIS_URL: 'redis://x', API_KEYS }), store);
    @Module({
      imports: [DiscoveryModule],
      controllers: [Scoped, Open, Forgotten] as Type[],
      providers: [
        FailedAttempts,
        { provide: ApiKeys, useValue: keys },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    })
    class TestModule {}
    const started = await NestFactory.create<NestFastifyApplication>(
      TestModule,
      new FastifyAdapter(),
      { logger: false },
    );
    app = started;
    const seen: FastifyRequest[] = [];
    authenticate(started);
    const fastify = started.getHttpAdapter().getInstance();
    fastify.addHook('onRequest', (request, _reply, done) => {
      seen.push(request);
      done();
    });
    await started.init();
    const ask = async (
      authorization: string | undefined,
      url = '/scoped/1',
      method: 'GET' | 'HEAD' | 'POST' = 'GET',
    ) => {
      const headers = authorization === undefined ? {} : { authorization };
      const {
        statusCode,
        body,
        headers: answered,
      } = await fastify.inject({ method, url, headers });
      const problem = (body.startsWith('{') ? JSON.parse(body) : {}) as Record<string, unknown>;
      return { status: statusCode, headers: answered, problem };
    };
    return { ask, seen };
  }

  it.each(['Bearer 12345678', 'bearer 12345678'])('lets %p in as its owner', async (header) => {
    const { ask, seen } = await start();
    expect((await ask(header)).status).toBe(200);
    expect(seen[0]).toMatchObject({ owner: 'ann', key: { id: 'ann.1', name: 'ann' } });
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Bearer wrong', 'Basic 12345678', '12345678'])(
    'keeps %p out',
    async (header) => {
      const { ask, seen } = await start();
      for (const method of ['GET', 'HEAD'] as const) {
        const { status, headers } = await ask(header, '/scoped/1', method);
        expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
      }
      expect((await ask(header)).problem['code']).toBe('unauthorized');
      expect(seen).toEqual([]);
    },
  );

  it.each<[string, string, 200 | 201 | 403, string]>([
    ['/scoped/1', 'read', 200, ''],
    ['/scoped/1', 'predict+webhooks+models:write+admin', 403, 'read'],
    ['/scoped/first', 'models:write', 201, ''],
    ['/scoped/last', 'models:write', 201, ''],
    ['/scoped/first', 'read', 403, 'models:write'],
    ['/scoped/last', 'read', 403, 'models:write'],
    ['/open/closed', 'read', 200, ''],
    ['/open/closed', 'predict', 403, 'read'],
  ])('opens %s to a key with %s: %p', async (url, scopes, expected, needed) => {
    const { ask } = await start(`ann:12345678:${scopes}`);
    const method = /first|last/.test(url) ? 'POST' : 'GET';
    const { status, problem } = await ask('Bearer 12345678', url, method);
    expect(status).toBe(expected);
    if (needed !== '')
      expect(problem).toMatchObject({
        code: 'forbidden',
        detail: `Use a key that has the scope ${needed}.`,
      });
  });

  it('lets nobody in where the scope was forgotten', async () => {
    const { ask } = await start('ann:12345678:predict+read+webhooks+models:write+admin');
    expect((await ask('Bearer 12345678', '/forgotten')).status).toBe(500);
    expect((await ask(undefined, '/forgotten')).status).toBe(401);
  });

  it('tells nothing of scopes to who has no key', async () => {
    const { ask } = await start('ann:12345678:predict');
    expect((await ask('Bearer wrong', '/scoped/first', 'POST')).status).toBe(401);
  });

  it('asks nobody for a key where it is public, or nothing is', async () => {
    const { ask } = await start();
    const answers = ['/scoped/open', '/open', '/nothing'].map((url) => ask(undefined, url));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 404]);
  });

  it('asks nobody at all where there are no keys', async () => {
    const { ask, seen } = await start('');
    expect((await ask(undefined)).status).toBe(200);
    expect((await ask('Bearer whatever', '/forgotten')).status).toBe(200);
    expect(seen.map(({ owner, key }) => owner ?? key)).toEqual([undefined, undefined]);
  });

  it('has an address wait that guesses, but for the right key', async () => {
    const { ask } = await start();
    const guess = () => ask(`Bearer ${crypto.randomUUID()}`);
    for (let i = 0; i < 10; i++) expect((await guess()).status).toBe(401);
    const { status, headers, problem } = await guess();
    expect([status, problem['code']]).toEqual([429, 'rate-limited']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask('Bearer 12345678')).status).toBe(200);
    // Whoever brings none does not guess.
    expect((await ask(undefined)).status).toBe(401);
  });
});

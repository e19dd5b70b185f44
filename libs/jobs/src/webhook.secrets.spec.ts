import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { Keys } from './keys.js';
import { WebhookSecrets } from './webhook.secrets.js';

const keys = new Keys('test');
const SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/;
const DAY_MS = 86_400_000;

describe('WebhookSecrets', () => {
  let server: TestRedis;
  let redis: Redis;
  let sut: WebhookSecrets;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });

  beforeEach(async () => {
    await redis.flushall();
    sut = new WebhookSecrets(redis, keys, []);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('gives each owner one of its own', async () => {
    const secrets = await sut.signing('ann');
    expect(secrets).toEqual([expect.stringMatching(SECRET)]);
    expect(await sut.signing('ann')).toEqual(secrets);
    expect(await sut.signing('bob')).not.toEqual(secrets);
    expect(await sut.of('')).toEqual({
      object: 'webhook_secret',
      secret: expect.stringMatching(SECRET),
      previous: null,
    });
  });

  it('makes none where another process was faster', async () => {
    const made = await sut.of('ann');
    // As it was when this process looked.
    jest.spyOn(redis, 'hget').mockResolvedValueOnce(null);
    expect(await sut.of('ann')).toEqual(made);
  });

  it('signs with the one before as well for a day after a rotation, and then no longer', async () => {
    const now = 1_800_000_000_000;
    const clock = jest.spyOn(Date, 'now').mockReturnValue(now);
    const [before = ''] = await sut.signing('ann');
    const rotated = await sut.rotate('ann');
    expect(rotated.secret).toMatch(SECRET);
    expect(rotated.secret).not.toBe(before);
    expect(rotated.previous).toEqual({
      secret: before,
      valid_until: new Date(now + DAY_MS).toISOString(),
    });
    expect(await sut.of('ann')).toEqual(rotated);
    clock.mockReturnValue(now + DAY_MS - 1);
    expect(await sut.signing('ann')).toEqual([rotated.secret, before]);
    clock.mockReturnValue(now + DAY_MS);
    expect(await sut.signing('ann')).toEqual([rotated.secret]);
    expect((await sut.of('ann')).previous).toBeNull();
  });

  it('loses no secret to rotations at once: each has the one that it replaced', async () => {
    const first = await sut.of('ann');
    const rotated = await Promise.all(Array.from({ length: 10 }, () => sut.rotate('ann')));
    const made = [first, ...rotated].map(({ secret }) => secret);
    expect(new Set(made).size).toBe(11);
    const last = (await sut.of('ann')).secret;
    const replaced = rotated.map(({ previous }) => previous?.secret);
    expect(replaced.sort()).toEqual(made.filter((secret) => secret !== last).sort());
  });

  it('has nothing to keep at a rotation of what nobody has seen', async () => {
    expect(await sut.rotate('ann')).toMatchObject({ previous: null });
  });

  it('leaves those of others alone', async () => {
    const bobs = await sut.of('bob');
    await sut.rotate('ann');
    expect(await sut.of('bob')).toEqual(bobs);
  });

  it('is what the operator has set, for everybody, and then not to be rotated', async () => {
    const two = new WebhookSecrets(redis, keys, ['whsec_new', 'whsec_old']);
    expect(await two.signing('ann')).toEqual(['whsec_new', 'whsec_old']);
    expect(await two.of('bob')).toEqual({
      object: 'webhook_secret',
      secret: 'whsec_new',
      previous: { secret: 'whsec_old', valid_until: null },
    });
    const one = new WebhookSecrets(redis, keys, ['whsec_new']);
    expect(await one.of('ann')).toMatchObject({ secret: 'whsec_new', previous: null });
    await expect(one.rotate('ann')).rejects.toMatchObject({ code: 'secret-configured' });
    expect(await redis.keys('*')).toEqual([]);
  });
});

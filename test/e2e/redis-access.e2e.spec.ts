import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { DeliveryView, JobView } from '#libs/contracts';
import { EventStream, freePort, startTestRedis, type TestRedis } from '#libs/testing';
import { App, type AppName, Installation } from './support/installation.js';
import { copyModel, modelsDir } from './support/models.js';
import { Receiver } from './support/receiver.js';

const ROOT = path.join(import.meta.dirname, '../..');
const TLS = path.join(ROOT, 'test/fixtures/tls');
const ROLES: AppName[] = ['worker', 'courier', 'api'];
/** Of the one who runs Redis, in this test. */
const OPERATOR = 'operator';

function passwordOf(user: string): string {
  return `password-of-${user}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function urlFor(user: string, { port }: TestRedis): string {
  return `redis://${user}:${passwordOf(user)}@127.0.0.1:${port}`;
}

describe('a Redis with a user for each app', () => {
  const receiver = new Receiver();
  let dir: string;
  let redis: TestRedis;
  let operator: Redis;
  let foretell: Installation;
  let hook: string;

  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'foretell-acl-'));
    const file = path.join(dir, 'users.acl');
    const shipped = await readFile(path.join(ROOT, 'deploy/redis/users.acl'), 'utf8');
    const users = shipped.replace(/<SHA-256 of the password of (\w+)>/g, (_, user: string) =>
      digest(passwordOf(user)),
    );
    const all = `${users}user ${OPERATOR} on #${digest(passwordOf(OPERATOR))} ~* &* +@all\n`;
    await writeFile(file, all);
    redis = await startTestRedis({ args: ['--aclfile', file] });
    operator = new Redis(urlFor(OPERATOR, redis));
    const MODELS_DIR = await modelsDir('iris', 'digits', 'diabetes');
    await copyModel('iris', path.join(MODELS_DIR, 'kept'));
    await appendFile(path.join(MODELS_DIR, 'kept/model.yaml'), 'cache_ttl_s: 600\n');
    await copyModel('fixture:tiny_lm', path.join(MODELS_DIR, 'endless'));
    await writeFile(
      path.join(MODELS_DIR, 'endless/model.yaml'),
      `input: { kind: text, tokenizer_file: tokenizer.json }
output: { kind: generation, context_length: 500000 }
`,
    );
    const env = { MODELS_DIR, INLINE_LIMIT_BYTES: '512' };
    foretell = await Installation.start(env, [], redis);
    for (const role of ROLES) await foretell.add(role, { REDIS_URL: urlFor(role, redis) });
    await foretell.client.untilSettled();
    hook = await receiver.start();
  });

  afterAll(async () => {
    await foretell.stop();
    operator.disconnect();
    receiver.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** Commands, keys and channels that some app was kept from. */
  async function denials(): Promise<string[]> {
    const log = (await operator.acl('LOG')) as unknown[][];
    return log.map((entry) => entry.map(String).join(' '));
  }

  it('does all that Foretell does, and none of it is denied', async () => {
    const { client } = foretell;
    const webhook = {
      url: hook,
      events: ['started', 'progress', 'succeeded', 'canceled', 'expired'],
    };
    const body = { input: [5.1, 3.5, 1.4, 0.2], webhook, metadata: { order: '1' } };
    const keyed = { 'idempotency-key': 'one' };
    const job = await client.submit('iris', body, keyed);
    const replayed = await client.post<JobView>('/v1/models/iris/predict', body, keyed);
    expect(replayed.body.id).toBe(job.id);
    expect((await client.ended(job)).status).toBe('succeeded');
    const inputs = Array.from({ length: 300 }, () => [5.1, 3.5, 1.4, 0.2]);
    const large = await client.submit('iris', { inputs, priority: 'low', webhook });
    const events = await EventStream.open(new URL(`/v1/jobs/${large.id}/events`, client.url));
    await events.events();
    expect((await client.ended(large)).status).toBe('succeeded');

    // A text is told while it is generated.
    const prompt = { input: 'Once upon a time', parameters: { max_tokens: 400_000 } };
    const predict = new URL('/v1/models/endless/predict', client.url);
    const text = await EventStream.submit(predict, { ...prompt, cancel_on_disconnect: true });
    await text.events(({ event }) => event === 'output');
    text.close();

    // Of identical jobs, one is computed, and a later one is not even queued.
    await Promise.all(Array.from({ length: 5 }, () => client.predict('kept', body)));
    expect((await client.submit('kept', body)).cached).toBe(true);
    const failing = { ...body, input: [0, 0, 0, 0], execution_timeout_s: 1e-6 };
    expect((await client.predict('kept', failing)).cached).toBe(false);

    const deliveries = `/v1/jobs/${job.id}/deliveries`;
    const { body: told } = await client.until<{ data: DeliveryView[] }>(
      deliveries,
      ({ body: { data } }) =>
        data.some(({ status, event }) => status === 'delivered' && event === 'succeeded'),
    );
    const before = receiver.received.length;
    const again = { id: told.data.find(({ event }) => event === 'succeeded')?.id };
    expect((await client.post(`${deliveries}/redeliver`, again)).status).toBe(202);
    await receiver.count(before + 1);

    // Nobody to take them: these wait until they are canceled, or time is up.
    foretell.app('worker').kill('SIGTERM');
    await foretell.app('worker').ended;
    const canceled = await client.submit('iris', body);
    expect((await client.post(`/v1/jobs/${canceled.id}/cancel`, '')).status).toBe(200);
    const late = await client.submit('iris', { ...body, queue_timeout_s: 1 });
    expect((await client.ended(late)).status).toBe('expired');
    await client.submit('iris', body);
    expect((await client.post('/v1/jobs/cancel', { model: 'iris' })).body).toEqual({ canceled: 1 });
    const retried = await client.post<JobView>(`/v1/jobs/${canceled.id}/retry`, '');
    expect(retried.status).toBe(202);
    await foretell.add('worker', { REDIS_URL: urlFor('worker', redis) });
    expect((await client.ended(retried.body)).status).toBe('succeeded');

    const reads = [
      '/v1/jobs?status=succeeded&metadata.order=1',
      '/v1/webhooks/secret',
      '/v1/webhooks/receivers',
      '/v1/models',
      '/v1/models/iris/rollout',
      '/v1/models/iris/drift',
      '/health',
      '/admin/queues/api/queues?activeQueue=predict-iris&status=completed',
    ];
    for (const path of reads) expect([path, (await client.get(path)).status]).toEqual([path, 200]);
    const url = { url: hook };
    expect((await client.put('/v1/webhooks/default', url)).status).toBe(200);
    expect((await client.delete('/v1/webhooks/default')).status).toBe(204);
    expect((await client.post('/v1/webhooks/secret/rotate', '')).status).toBe(200);
    const rollout = '/v1/models/iris/rollout';
    const canary = { version: '2', percent: 50 };
    expect((await client.put(rollout, { stable: '1', canary })).status).toBe(200);
    expect((await client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] })).status).toBe(
      'succeeded',
    );
    expect((await client.delete(rollout)).status).toBe(204);
    // The guard of the worker ends this one.
    const guard = { min_samples: 1, max_error_rate: 1, promote_after_s: 0.1 };
    const shadow = { version: '2', percent: 100 };
    const guarded = { stable: '1', canary: { ...canary, percent: 100 }, shadow, guard };
    expect((await client.put(rollout, guarded)).status).toBe(200);
    await client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] });
    await client.until<{ stable: string }>(rollout, ({ body }) => body.stable === '2');
    expect((await client.delete(rollout)).status).toBe(204);
    const drift = '/v1/models/iris/drift';
    await client.until<{ versions: { reference: object | null }[] }>(drift, ({ body }) =>
      body.versions.every(({ reference }) => reference !== null),
    );
    await client.until<{ versions: { samples: number }[] }>(
      `${drift}?version=2`,
      ({ body }) => (body.versions[0]?.samples ?? 0) > 0,
    );
    expect((await client.post(`${drift}/reference`, { version: '2' })).status).toBe(200);
    expect((await client.delete(`${drift}/reference?version=2`)).status).toBe(204);
    const since = new Date(Date.now() - 60_000).toISOString();
    expect((await client.post('/v1/webhooks/redeliver', { since })).status).toBe(202);
    expect((await client.post('/v1/models/iris/versions/1/unload', '')).status).toBe(202);
    const logs = foretell.apps
      .flatMap(({ lines }) => lines)
      .filter((line) => line.includes('NOPERM'));
    expect([await denials(), logs]).toEqual([[], []]);
  });

  it.each([
    ['worker', ['HGETALL', 'foretell:webhook-secrets']],
    ['worker', ['HGETALL', 'foretell:webhook-defaults']],
    ['worker', ['HGETALL', 'foretell:api-keys']],
    ['worker', ['GET', '{foretell:board}:session:x']],
    ['worker', ['ZRANGE', '{foretell:couriers}:lanes', '0', '-1']],
    ['worker', ['EVAL', "return redis.call('HGETALL', 'foretell:webhook-secrets')", '0']],
    ['courier', ['HGETALL', 'foretell:api-keys']],
    ['courier', ['SET', '{foretell:board}:session:x', 'y']],
    ['courier', ['GET', '{foretell:fleet}:last-catalog']],
    ['courier', ['PUBLISH', 'foretell:commands', '{}']],
    ['courier', ['RPUSH', '{foretell:000}:predict-iris:wait', 'x']],
    ...ROLES.flatMap((role): [string, string[]][] => [
      [role, ['GET', 'other:key']],
      [role, ['PUBLISH', 'other', 'x']],
      [role, ['FLUSHALL']],
      [role, ['KEYS', '*']],
      [role, ['CONFIG', 'GET', '*']],
      [role, ['ACL', 'LIST']],
      [role, ['MONITOR']],
    ]),
  ])('the %s may not %j', async (role, [command = '', ...args]) => {
    const user = new Redis(urlFor(role, redis));
    await expect(user.call(command, ...args)).rejects.toThrow(/NOPERM|can't access/);
    user.disconnect();
  });

  it('lets nobody in without a password, and refuses a wrong one in plain words', async () => {
    for (const url of [redis.url, `redis://api:wrong@127.0.0.1:${redis.port}`]) {
      const app = App.spawn('api', { REDIS_URL: url, PORT: '0' });
      expect(await app.ended).toBe(78);
      expect(app.lines.join()).toContain('REDIS_URL: Redis wants another user or password');
    }
  });
});

describe('a Redis that speaks TLS', () => {
  it('is used by every app, which knows its certificate', async () => {
    const port = await freePort();
    const file = (name: string) => path.join(TLS, `self-signed.${name}.pem`);
    const plain = await startTestRedis({
      args: ['--tls-port', String(port), '--tls-cert-file', file('cert')].concat(
        ['--tls-key-file', file('key'), '--tls-ca-cert-file', file('cert')],
        ['--tls-auth-clients', 'no'],
      ),
    });
    const REDIS_URL = `rediss://localhost:${port}`;
    const stranger = App.spawn('api', { REDIS_URL, PORT: '0' });
    expect(await stranger.ended).toBe(78);
    expect(stranger.lines.join()).toContain('self-signed certificate');

    const trust = { NODE_EXTRA_CA_CERTS: file('cert') };
    const foretell = await Installation.start({ REDIS_URL, ...trust }, undefined, plain);
    const job = await foretell.client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] });
    expect(job.output).toMatchObject({ label: 'setosa' });
    await foretell.stop();
  });
});

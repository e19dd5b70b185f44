import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis } from '#libs/testing';
import { App, Installation } from './support/installation.js';

const KEYS = 'alice:alice-key-1234,bob:bob-key-5678';
const CANARY = 'canary-8c1f';

describe('an installation with keys and a board password', () => {
  let foretell: Installation;

  beforeAll(async () => {
    foretell = await Installation.start({ API_KEYS: KEYS, BOARD_PASSWORD: 'board-secret-1' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  const as = (key: string) => foretell.client.withHeaders({ authorization: `Bearer ${key}` });

  it('lets in only those who have a key, and keeps their jobs apart', async () => {
    for (const client of [foretell.client, as('wrong-key-0000'), as('')]) {
      const { status, headers, body } = await client.post('/predict', {
        model: 'iris',
        input: [1, 2, 3, 4],
      });
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Bearer');
      expect(body).toMatchObject({ code: 'unauthorized' });
    }
    const job = await as('alice-key-1234').submit('iris', { input: [1, 2, 3, 4] });
    expect((await as('alice-key-1234').get(`/v1/jobs/${job.id}`)).status).toBe(200);
    expect((await as('bob-key-5678').get(`/v1/jobs/${job.id}`)).body).toMatchObject({
      code: 'job-not-found',
    });
  });

  it('leaves health and docs open, and neither metrics nor the board', async () => {
    const open = [
      '/health',
      '/health/live',
      '/health/ready',
      '/docs',
      '/docs-json',
      '/problems/not-found',
    ];
    for (const path of open) expect((await foretell.client.get(path)).status).toBe(200);
    for (const path of ['/metrics', '/v1/models', '/admin/queues', '/admin/queues/api/queues']) {
      expect((await foretell.client.get(path)).status).toBe(401);
    }
  });

  it('counts what each app does', async () => {
    const api = (await as('alice-key-1234').get<{ text: string }>('/metrics')).body.text;
    expect(api).toMatch(/foretell_jobs_accepted_total\{model="iris",version="2",app="api"\} [1-9]/);
    expect(api).toContain('nodejs_eventloop_lag_p99_seconds');
  });
});

describe('an installation in trouble', () => {
  let foretell: Installation | undefined;

  afterEach(async () => {
    await foretell?.stop();
    foretell = undefined;
  });

  it('answers 503 while Redis is away, says that it is unhealthy, and is live', async () => {
    foretell = await Installation.start();
    const { client } = foretell;
    await foretell.redis.stop();
    const refused = await client.post('/predict', { model: 'iris', input: [1, 2, 3, 4] });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect(refused.body).toMatchObject({ code: 'queue-unavailable', retryable: true });
    expect((await client.get('/v1/jobs/job_01m7ykvnbfexgt18bvm31gq4fd')).status).toBe(503);
    expect((await client.get('/health')).body).toMatchObject({
      status: 'unhealthy',
      redis: 'down',
    });
    expect((await client.get('/health/ready')).body).toMatchObject({ code: 'not-ready' });
    expect((await client.get('/health/live')).status).toBe(200);
  });

  it('answers 503 while Redis is full, without a word of the input in any log, and recovers', async () => {
    // Nobody looks before how full it is.
    foretell = await Installation.start({ MAX_REDIS_MEMORY_PERCENT: '0' });
    const { client } = foretell;
    const redis = new Redis(foretell.redis.url);
    await redis.config('SET', 'maxmemory', '1');
    const body = { input: [0.654321, 2, 3, 4], webhook: { url: `http://127.0.0.1:1/${CANARY}` } };
    const refused = await client.post('/v1/models/iris/predict', body);
    expect(refused.status).toBe(503);
    expect(refused.body).toMatchObject({ code: 'queue-unavailable', retryable: true });
    await foretell.app('api').line(({ msg }) => msg === 'queue-unavailable');
    await redis.config('SET', 'maxmemory', '0');
    await redis.quit();
    expect((await client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] })).status).toBe(
      'succeeded',
    );
    const logs = foretell.apps.flatMap(({ lines }) => lines).join('\n');
    expect(logs).toContain('OOM');
    for (const secret of ['0.654321', CANARY]) expect(logs).not.toContain(secret);
  });

  it('comes back by itself when Redis does', async () => {
    foretell = await Installation.start({}, ['worker', 'api', 'courier']);
    const { client } = foretell;
    const { port } = foretell.redis;
    await foretell.redis.stop();
    expect((await client.post('/predict', { model: 'iris', input: [1, 2, 3, 4] })).status).toBe(
      503,
    );
    const again = await startTestRedis({ port });
    // It came back empty: the workers report anew, and the api must wait for that.
    await client.untilReady();
    expect((await client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] })).output).toMatchObject({
      label: 'setosa',
    });
    await foretell.stop();
    foretell = undefined;
    await again.stop();
  });

  it('keeps taking jobs while no worker is there, and does them later', async () => {
    foretell = await Installation.start();
    const { client } = foretell;
    foretell.app('worker').kill('SIGTERM');
    expect(await foretell.app('worker').ended).toBe(0);
    while ((await client.get('/health')).body['status'] !== 'degraded');
    const job = await client.submit('iris', { input: [5.1, 3.5, 1.4, 0.2] });
    await foretell.add('worker');
    expect((await client.ended(job)).output).toMatchObject({ label: 'setosa' });
  });

  it('drains every app on SIGTERM', async () => {
    foretell = await Installation.start();
    const codes = await foretell.stop();
    foretell = undefined;
    expect(codes.map(([, code]) => code)).toEqual([0, 0, 0]);
  });
});

describe('an app with a setting that cannot be', () => {
  const start = async (env: NodeJS.ProcessEnv) => {
    const app = App.spawn('api', env);
    const code = await app.ended;
    return { code, output: app.lines.join('\n') };
  };

  it('names the setting and ends with 78', async () => {
    const bad = await start({ REDIS_URL: 'redis://127.0.0.1:1', PORT: 'http' });
    expect(bad).toEqual({ code: 78, output: 'PORT: must be a whole number from 0 to 65535' });
    const missing = await start({});
    expect(missing.code).toBe(78);
    expect(missing.output).toContain('REDIS_URL: is needed');
  });

  it('refuses to listen to the world without keys', async () => {
    const redis = await startTestRedis();
    const open = await start({ REDIS_URL: redis.url, HOST: '0.0.0.0' });
    await redis.stop();
    expect(open.code).toBe(78);
    expect(open.output).toContain('set API_KEYS');
  });

  it('refuses a Redis that evicts, wants a password or is not there', async () => {
    const evicting = await startTestRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    expect((await start({ REDIS_URL: evicting.url })).output).toContain('evicts keys');
    await evicting.stop();
    const locked = await startTestRedis({ args: ['--requirepass', 'secret'] });
    expect((await start({ REDIS_URL: locked.url })).output).toContain('user or password');
    await locked.stop();
    const gone = await start({ REDIS_URL: 'redis://user:hush@127.0.0.1:1' });
    expect(gone.code).toBe(78);
    expect(gone.output).toContain('no Redis answers');
    expect(gone.output).not.toContain('hush');
  });
});

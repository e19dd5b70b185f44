import { describe, expect, it } from '@jest/globals';
import { baseUrl } from './base-url.js';
import { ConfigError, describeSettings, loadConfig, refuseOpenServer } from './config.js';
import { runnerEnvironment } from './runner-environment.js';
import { isTraced } from './traces.config.js';

const REDIS_URL = 'redis://127.0.0.1:6379';
const SECRET = `whsec_${'c2Vj'.repeat(8)}`;
const load = (env: NodeJS.ProcessEnv) => loadConfig({ REDIS_URL, ...env });

function complaint(env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('loadConfig', () => {
  it('needs nothing but a Redis', () => {
    const { server, models, jobs, webhooks, redis } = load({});
    expect(server).toMatchObject({ HOST: '127.0.0.1', PORT: 3000, DOCS: true });
    expect(server.API_KEYS).toBeUndefined();
    expect(models).toMatchObject({ MODELS_DIR: 'models', EXECUTION_PROVIDERS: ['cpu'] });
    expect(models).toMatchObject({ MODELS_POLL_MS: 2000, MEMORY_BUDGET_MB: 0 });
    expect(models).toMatchObject({ RUNNER_THREADS: 0, RUNNER_MEMORY_MB: 0 });
    expect(jobs.RESULT_TTL_S).toBe(86_400);
    expect(webhooks).toMatchObject({
      OUTBOUND_ALLOW: [],
      OUTBOUND_DNS: [],
      WEBHOOK_SECRET: [],
      WEBHOOK_TIMEOUT_S: 15,
    });
    expect(redis.KEY_PREFIX).toBe('foretell');
  });

  it.each([
    ['100/s', { requests: 100, windowS: 1 }],
    ['600000/min', { requests: 600_000, windowS: 60 }],
    ['1/h', { requests: 1, windowS: 3600 }],
  ])('reads the rate %s', (RATE_LIMIT, limit) => {
    expect(load({ RATE_LIMIT }).limits).toMatchObject({ RATE_LIMIT: limit, MAX_QUEUED_JOBS: 0 });
  });

  it.each([
    ['PORT', '70000'],
    ['PORT', '-1'],
    ['PORT', '3000.5'],
    ['PORT', 'http'],
    ['PORT', ' '],
    ['OPS_PORT', 'NaN'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['PUBLIC_URL', 'example.com'],
    ['BODY_LIMIT_BYTES', '12'],
    ['CORS_ORIGINS', 'app.example.com'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['CORS_ORIGINS', 'https://app.example.com:443'],
    ['CORS_ORIGINS', 'https://*.example.com'],
    ['CORS_ORIGINS', 'https://app.example.com,null'],
    ['DOCS', 'yes'],
    ['AUTH', 'none'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/8,proxy'],
    ['TRUST_PROXY', '10/8'],
    ['TRUST_PROXY', '1'],
    ['TRUST_PROXY', '10.0.0.0/99'],
    ['REDIS_URL', 'http://127.0.0.1'],
    ['REDIS_URL', undefined],
    ['KEY_PREFIX', 'a:b'],
    ['KEY_PREFIX', '{a}'],
    ['EXECUTION_PROVIDERS', 'cuda,tpu'],
    ['RUNNER_THREADS', '257'],
    ['MODEL_LOAD_TIMEOUT_S', 'Infinity'],
    ['MODELS_POLL_MS', '-1'],
    ['MEMORY_BUDGET_MB', '1.5'],
    ['RUNNER_MEMORY_MB', '-1'],
    ['RESULT_TTL_S', '0'],
    ['MAX_RESULT_TTL_S', '1e99'],
    ['RATE_LIMIT', '100'],
    ['RATE_LIMIT', '0/s'],
    ['RATE_LIMIT', '1.5/s'],
    ['RATE_LIMIT', '100/day'],
    ['RATE_LIMIT', '10001/s'],
    ['ADDRESS_RATE_LIMIT', '600001/min'],
    ['MAX_REDIS_MEMORY_PERCENT', '101'],
    ['INLINE_LIMIT_BYTES', '511'],
    ['STORE_URL', 'payloads'],
    ['STORE_URL', 's3://key:secret@bucket'],
    ['LOCK_DURATION_MS', '1'],
    ['STALLED_INTERVAL_MS', '1'],
    ['WEBHOOK_SECRET', 'secret'],
    ['WEBHOOK_SECRET', 'whsec_c2hvcnQ='],
    ['WEBHOOK_SECRET', `${SECRET},secret`],
    ['WEBHOOK_SECRET', [SECRET, SECRET, SECRET].join()],
    ['OUTBOUND_ALLOW', '10.0.0.0/99'],
    ['OUTBOUND_ALLOW', 'receiver,10.0.0/8'],
    ['OUTBOUND_ALLOW', 'receiver:http'],
    ['OUTBOUND_DNS', '10.0.0.2,dns.example.com'],
    ['WEBHOOK_TIMEOUT_S', '61'],
    ['COURIER_CONCURRENCY', '0'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_PRETTY', '2'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'https://name:secret@collector'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', 'half'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
  ])('names %s when it is %p', (name, value) => {
    expect(complaint({ REDIS_URL, [name]: value })).toMatch(new RegExp(`^${name}\\b.*: \\S`));
  });

  it('names every bad variable at once, one a line', () => {
    const lines = complaint({ PORT: 'x', LOG_LEVEL: 'x', RESULT_TTL_S: 'x' }).split('\n');
    expect(lines.map((line) => line.split(':')[0]).sort()).toEqual([
      'LOG_LEVEL',
      'PORT',
      'REDIS_URL',
      'RESULT_TTL_S',
    ]);
  });

  it('names the entry of a list that is wrong', () => {
    expect(complaint({ REDIS_URL, OUTBOUND_ALLOW: '*:8443,*.example.com,10.0.0.0/8' })).toBe(
      'OUTBOUND_ALLOW: "*.example.com" is not a host, address or CIDR, host:port, address:port, [v6]:port or *:port',
    );
  });

  it('takes an empty variable for an unset one, as compose files write NAME=', () => {
    const names = describeSettings().map(({ name }) => name);
    const empty = Object.fromEntries(names.map((name) => [name, '']));
    expect(loadConfig({ ...empty, REDIS_URL })).toEqual(load({}));
  });

  it('reads lists, flags and numbers', () => {
    const { models, server, webhooks } = load({
      EXECUTION_PROVIDERS: ' cuda, ,cpu',
      DOCS: '0',
      PORT: '0',
      TRUST_PROXY: 'loopback, 10.0.0.0/8,fd00::1',
      CORS_ORIGINS: 'https://app.example.com, http://localhost:5173',
      OUTBOUND_ALLOW: 'receiver, 10.0.0.0/8,fd00::/8, ::1',
      WEBHOOK_SECRET: `${SECRET}, ${SECRET}=`,
    });
    expect(webhooks.WEBHOOK_SECRET).toEqual([SECRET, `${SECRET}=`]);
    expect(models.EXECUTION_PROVIDERS).toEqual(['cuda', 'cpu']);
    expect(server).toMatchObject({ DOCS: false, PORT: 0 });
    expect(server.TRUST_PROXY).toEqual(['loopback', '10.0.0.0/8', 'fd00::1']);
    expect(server.CORS_ORIGINS).toEqual(['https://app.example.com', 'http://localhost:5173']);
    expect(webhooks.OUTBOUND_ALLOW).toEqual(['receiver', '10.0.0.0/8', 'fd00::/8', '::1']);
  });

  it('does not repeat a secret that is no good', () => {
    expect(complaint({ REDIS_URL, WEBHOOK_SECRET: `${SECRET},hunter2` })).not.toMatch(
      /c2Vj|hunter2/,
    );
  });

  it('describes every setting for the docs', () => {
    for (const { meaning } of describeSettings()) expect(meaning).not.toBe('');
  });
});

describe('isTraced', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';

  it.each([
    [false, {}],
    [true, { OTEL_EXPORTER_OTLP_ENDPOINT }],
    [true, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT }],
    [false, { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
    [false, { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
    [true, { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'otlp' }],
    [false, { OTEL_SERVICE_NAME: 'predictions', OTEL_TRACES_SAMPLER: 'always_on' }],
  ])('is %p for %p', (expected, env) => {
    expect(isTraced(load(env).traces)).toBe(expected);
  });
});

describe('refuseOpenServer', () => {
  it.each(['0.0.0.0', '::', '192.168.1.2', 'example.com'])('refuses %s without keys', (HOST) => {
    expect(() => {
      refuseOpenServer(load({ HOST }));
    }).toThrow(/^HOST: /);
    refuseOpenServer(load({ HOST, API_KEYS: 'ann:12345678' }));
    refuseOpenServer(load({ HOST, API_KEYS_FILE: '/run/keys' }));
    refuseOpenServer(load({ HOST, AUTH: 'required' }));
    refuseOpenServer(load({ HOST }), true);
  });

  it.each(['127.0.0.1', '::1', 'localhost'])('lets %s run open', (HOST) => {
    refuseOpenServer(load({ HOST }));
  });

  it('does not take empty keys for keys', () => {
    expect(() => {
      refuseOpenServer(load({ HOST: '0.0.0.0', API_KEYS: '' }));
    }).toThrow(ConfigError);
  });
});

describe('baseUrl', () => {
  it('is the public URL, or where the api listens', () => {
    expect(baseUrl(load({ PUBLIC_URL: 'https://example.com/x//' }))).toBe('https://example.com/x');
    expect(baseUrl(load({ HOST: '::1', PORT: '8080' }))).toBe('http://[::1]:8080');
  });
});

describe('runnerEnvironment', () => {
  it('passes what ONNX Runtime looks at, and no secret', () => {
    const passed = { PATH: '/bin', CUDA_VISIBLE_DEVICES: '0', OMP_NUM_THREADS: '1', LC_ALL: 'C' };
    const kept = {
      API_KEYS: 'a:12345678',
      REDIS_URL: 'redis://:secret@host',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=x',
      WEBHOOK_SECRET: 'whsec_x',
      BOARD_PASSWORD: 'x',
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_SESSION_TOKEN: 'x',
      NVIDIA_API_KEY: 'x',
      NODE_OPTIONS: '--inspect',
      path: 'x',
    };
    expect(runnerEnvironment({ ...passed, ...kept })).toEqual(passed);
  });
});

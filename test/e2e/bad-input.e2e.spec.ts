import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BAD_BODIES, type BadRequest } from './support/bad-bodies.js';
import { BAD_BYTES, BAD_REQUESTS, type BadBytes } from './support/bad-requests.js';
import { IMAGES } from './support/images.js';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';
import { type RawAnswer, sendRaw } from './support/raw-request.js';

const FIXTURES = ['every_dtype', 'fixed_rows', 'two_inputs', 'variable_length'];
const ALL = [...BAD_BODIES, ...BAD_REQUESTS];
/** What the api may keep of all that: a bound on leaks, far above what comes and goes with its heap. */
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
const RESIDENT = /^process_resident_memory_bytes\S* (\S+)/m;

describe('bad input', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir('iris', 'digits', ...FIXTURES.map((name) => `fixture:${name}`));
    foretell = await Installation.start({ MODELS_DIR: dir, REQUEST_TIMEOUT_S: '2' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  afterEach(async () => {
    expect((await foretell.client.get('/health/live')).status).toBe(200);
  });

  /** Through a socket: what a client library sends is not always what it was given. */
  function send({ path, method = 'POST', body, headers }: BadRequest): Promise<RawAnswer> {
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    const bytes = Buffer.from(isRaw ? body : JSON.stringify(body ?? ''));
    const all = {
      host: new URL(foretell.client.url).host,
      ...(method !== 'GET' && {
        'content-type': 'application/json',
        'content-length': String(bytes.length),
      }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    const head = [`${method} ${path ?? '/v1/models/iris/predict'} HTTP/1.1`, ...lines, '', ''];
    return sendRaw(foretell.client.url, [head.join('\r\n'), ...(method === 'GET' ? [] : [bytes])]);
  }

  const sendBytes = ({ parts, end }: BadBytes) => sendRaw(foretell.client.url, parts, end);

  async function residentBytes(): Promise<number> {
    const { body } = await foretell.client.get<{ text: string }>('/metrics');
    return Number(RESIDENT.exec(body.text)?.[1]);
  }

  async function sendAll(): Promise<void> {
    for (const row of ALL) await send(row);
    await Promise.all(BAD_BYTES.map(sendBytes));
  }

  it.each(ALL.map((row) => [row.status, row.code, row.name, row] as const))(
    'gets %d %s: %s',
    async (status, code, _name, row) => {
      const answer = await send(row);
      expect(answer.body).toMatchObject({ status, code });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body['request_id']).toBe(answer.headers.get('x-request-id'));
      if (row.pointers) {
        const errors = answer.body['errors'] as { pointer: string }[] | undefined;
        const pointers = new Set(errors?.map(({ pointer }) => pointer));
        expect([...pointers].sort()).toEqual(row.pointers);
      }
      if (status === 405) expect(answer.headers.get('allow')).toBe('POST');
      expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\/libs\/|at \w+ \(/);
    },
  );

  it.each(BAD_BYTES.map((row) => [row.status, row.code, row.name, row] as const))(
    'gets %d %s: %s',
    async (status, code, _name, row) => {
      const answer = await sendBytes(row);
      expect(answer.body).toMatchObject({ status, code });
      expect(answer.status).toBe(status);
    },
  );

  it('leaves no job, and no memory, behind', async () => {
    // The heaps of the api and of its threads grow to what such requests need, and stay there.
    await sendAll();
    await sendAll();
    const before = await residentBytes();
    await sendAll();
    await sendAll();
    await foretell.client.until<{ text: string }>('/metrics', ({ body: { text } }) => {
      const [, now] = RESIDENT.exec(text) ?? [];
      return Number(now) < before + MAX_GROWTH_BYTES;
    });
    const { body } = await foretell.client.get<{ text: string }>('/metrics');
    expect(body.text).not.toMatch(/^foretell_jobs_accepted_total\{/m);
    expect((await foretell.client.get('/v1/jobs')).body).toMatchObject({ data: [] });
  });

  it('fails its job where only decoding shows it, and no other of the job', async () => {
    const { damaged, png, jpeg, webp, avif, gif, animatedGif } = IMAGES;
    const good = [png, jpeg, webp, avif, gif, animatedGif];
    const alone = await foretell.client.predict('digits', { input: damaged.toString('base64') });
    expect(alone).toMatchObject({ status: 'failed', error: { code: 'invalid-input' } });
    const inputs = [damaged, ...good].map((bytes) => bytes.toString('base64'));
    const job = await foretell.client.predict('digits', { inputs });
    expect(job).toMatchObject({
      status: 'succeeded',
      outputs: [
        { error: { code: 'invalid-input' } },
        ...good.map(() => ({ label: expect.any(String) })),
      ],
    });
  });

  it('is not a field that is null, which counts as left out', async () => {
    const names = ['inputs', 'parameters', 'webhook', 'priority', 'queue_timeout_s'].concat([
      'execution_timeout_s',
      'result_ttl_s',
      'metadata',
    ]);
    for (const name of names) {
      const body = { input: [1, 2, 3, 4], [name]: null };
      expect(await foretell.client.predict('iris', body)).toMatchObject({ status: 'succeeded' });
    }
  });
});

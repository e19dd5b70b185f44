import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JobProblem, JobView, RolloutReport } from '#libs/contracts';
import { freePort } from '#libs/testing';
import { Client } from './support/client.js';
import { FileServer } from './support/file-server.js';
import { IMAGES } from './support/images.js';
import { Installation } from './support/installation.js';
import { copyModel, heldOut, modelsDir } from './support/models.js';

const DIGITS = '/v1/models/digits/predict';
const FETCH_TIMEOUT_S = 5;

interface Failed {
  error: JobProblem;
}

describe('inputs by URL', () => {
  const files = new FileServer();
  let foretell: Installation;
  let client: Client;
  let metrics: Client;
  let pictures: Buffer[];
  /** What the same pictures give that stand in the body. */
  let expected: unknown[];

  beforeAll(async () => {
    const dir = await modelsDir();
    await copyModel('digits', path.join(dir, 'digits'));
    for (const name of ['cached', 'shadowed']) await copyModel('digits', path.join(dir, name));
    const manifest = path.join(dir, 'cached/model.yaml');
    await writeFile(manifest, `${await readFile(manifest, 'utf8')}\ncache_ttl_s: 600\n`);
    await cp(path.join(dir, 'shadowed/1'), path.join(dir, 'shadowed/2'), { recursive: true });
    const port = await freePort();
    metrics = new Client(`http://127.0.0.1:${port}`);
    await files.start();
    foretell = await Installation.start(
      {
        MODELS_DIR: dir,
        INPUT_FETCH_TIMEOUT_S: String(FETCH_TIMEOUT_S),
        INPUT_FETCH_MAX_BYTES: '100000',
        INPUT_FETCH_TOTAL_BYTES: '1000000',
        RETRY_FIRST_DELAY_MS: '20',
      },
      [],
    );
    await foretell.add('worker', { OPS_PORT: String(port) });
    await foretell.add('api');
    ({ client } = foretell);
    await client.untilSettled();
    const { rows } = await heldOut('digits');
    const inline = rows.map(({ input }) => String(input));
    pictures = inline.map((base64) => Buffer.from(base64, 'base64'));
    const { outputs } = await client.predict('digits', { inputs: inline });
    expected = outputs ?? [];
  }, 120_000);

  beforeEach(() => {
    files.forget();
  });

  afterAll(async () => {
    await foretell.stop();
    files.stop();
  });

  const picture = (i: number) => pictures[i % pictures.length] ?? Buffer.alloc(0);
  const put = (i = 0, name = `/${i}.png`) => files.put(name, picture(i));
  const answerOf = (i: number) => expected[i % expected.length];

  it('give what the same files give in the body, whatever their server says of them', async () => {
    const url = files.put('/digit', (response) => {
      response.setHeader('content-type', 'text/html').end(picture(0));
    });
    const job = await client.predict('digits', { input: url, parameters: { top_k: 3 } });
    expect(job).toMatchObject({ status: 'succeeded', output: answerOf(0), cached: false });
    expect(job.timing?.fetch_ms).toBeGreaterThan(0);
    expect(job.timing?.batch_wait_ms).toBeGreaterThanOrEqual(Math.floor(job.timing?.fetch_ms ?? 0));
    const cropped = await client.predict('digits', { input: { image: url, crop: [0, 0, 8, 8] } });
    expect(cropped).toMatchObject({ status: 'succeeded', output: answerOf(0) });
    const inline = await client.predict('digits', { input: picture(0).toString('base64') });
    expect(inline.timing).not.toHaveProperty('fetch_ms');
  });

  it('may be a thousand, eight at a time, in order, in a body that is read in a thread', async () => {
    const count = 1000;
    const filler = 'x'.repeat(300);
    // Answered eight by eight: with fewer at a time, it would never end.
    let held: (() => void)[] = [];
    const inputs = Array.from({ length: count }, (_, i) => {
      const url = files.put(`/held/${i}.png`, (response) => {
        held.push(() => response.end(picture(i)));
        if (held.length < 8) return;
        for (const answer of held) answer();
        held = [];
      });
      return `${url}?${filler}`;
    });
    const job = await client.predict('digits', { inputs });
    expect(job.status).toBe('succeeded');
    expect(job.outputs).toEqual(inputs.map((_, i) => answerOf(i)));
    expect(files.asked).toHaveLength(count);
    expect(files.mostOpen).toBe(8);
  });

  it('are fetched once a job, however often they stand in it', async () => {
    const url = put(3);
    const job = await client.predict('digits', { inputs: Array(500).fill(url) });
    expect(job.outputs).toEqual(Array(500).fill(answerOf(3)));
    expect(files.asked).toEqual(['/3.png']);
  });

  it('fail alone, each with its reason', async () => {
    const refused = `http://127.0.0.1:${await freePort()}/a.png`;
    const rows: [string, Partial<JobProblem> | undefined][] = [
      [put(1), undefined],
      [picture(2).toString('base64'), undefined],
      [files.url('/none'), { code: 'input-fetch-failed', retryable: false }],
      [status(503), { code: 'input-fetch-failed', retryable: true }],
      [refused, { code: 'input-fetch-failed', retryable: true }],
      [files.put('/page', Buffer.from('<html>')), { code: 'unsupported-media-type' }],
      [files.put('/gif', IMAGES.svg), { code: 'unsupported-media-type' }],
      [files.put('/bomb', IMAGES.bomb.subarray(0, 90_000)), { code: 'payload-too-large' }],
      [files.put('/cut', IMAGES.cutOff), { code: 'invalid-input' }],
      [files.put('/torn', IMAGES.damaged), { code: 'invalid-input' }],
      [
        files.put('/large', Buffer.alloc(100_001)),
        { code: 'input-fetch-failed', retryable: false },
      ],
      [files.put('/empty', Buffer.alloc(0)), { code: 'input-fetch-failed', retryable: false }],
      [
        files.put('/gzip', (response) => {
          response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(1e8)));
        }),
        { code: 'input-fetch-failed', retryable: false },
      ],
      [
        files.put('/short', (response, { socket }) => {
          response.setHeader('content-length', 1000).write('x', () => socket.destroy());
        }),
        { code: 'input-fetch-failed', retryable: true },
      ],
      [drip('/drip'), { code: 'input-fetch-failed', retryable: true }],
      [redirect('/inside', 'http://10.0.0.1/'), { code: 'input-fetch-failed', retryable: false }],
      [redirect('/loop', '/loop'), { code: 'input-fetch-failed', retryable: false }],
      [redirect('/moved', '/1.png'), undefined],
      [put(4), undefined],
    ];
    const job = await client.predict('digits', { inputs: rows.map(([input]) => input) });
    expect(job).toMatchObject({ status: 'succeeded', progress: { done: 4, total: rows.length } });
    const answers = [1, 2, 1, 4].map(answerOf);
    const wanted = rows.map(([, error]) => (error ? { error } : answers.shift()));
    expect(job.outputs).toMatchObject(wanted);
    const details = (job.outputs as Partial<Failed>[]).flatMap(({ error }) => error?.detail ?? []);
    expect(details).toEqual([
      expect.stringMatching(
        /^The file from 127\.0\.0\.1:\d+ could not .* its server answered 404\.$/,
      ),
      expect.stringContaining('answered 503'),
      expect.stringContaining('the connection was refused'),
      expect.stringContaining('must be a'),
      expect.stringContaining('must be a'),
      expect.stringContaining('pixels'),
      expect.stringContaining('damaged'),
      expect.stringContaining('cannot be decoded'),
      expect.stringContaining('more than 100000 bytes'),
      expect.stringContaining('it is empty'),
      expect.stringContaining('compressed'),
      expect.stringContaining('closed'),
      expect.stringContaining(`within ${FETCH_TIMEOUT_S} s`),
      expect.stringContaining('10.0.0.1 is an address that is not public'),
      expect.stringContaining('redirects more than 3 times'),
    ]);
    expect(JSON.stringify(job)).not.toContain('/drip');
    const { body } = await metrics.get<{ text: string }>('/metrics');
    for (const outcome of [
      'fetched',
      'forbidden',
      'refused',
      'timed-out',
      'unreachable',
      'unusable',
    ]) {
      const series = `^foretell_input_fetch_seconds_count\\{.*outcome="${outcome}".*\\} [1-9]`;
      expect(body.text).toMatch(new RegExp(series, 'm'));
    }
  });

  it('may have so many bytes together, and what is beyond fails', async () => {
    const png = Buffer.concat([picture(0), Buffer.alloc(90_000)]);
    const inputs = Array.from({ length: 14 }, (_, i) => files.put(`/big/${i}`, png));
    const job = await client.predict('digits', { inputs });
    const failed = (job.outputs as Partial<Failed>[]).flatMap(({ error }) => error ?? []);
    expect(job.progress.done + failed.length).toBe(14);
    expect(job.progress.done).toBe(11);
    for (const { detail } of failed) expect(detail).toContain('1000000 bytes');
  });

  it('are tried again where that may help, and fail the job where all have failed', async () => {
    const answers = [503, 500, 200];
    const flaky = files.put('/flaky', (response) => {
      const code = answers.shift() ?? 200;
      response.writeHead(code).end(code === 200 ? picture(5) : 'later');
    });
    const job = await client.predict('digits', { input: flaky });
    expect(job).toMatchObject({ status: 'succeeded', output: answerOf(5), attempts: 3 });
    expect(job.attempt_history).toMatchObject(
      Array(2).fill({ status: 'failed', error: { code: 'input-fetch-failed', retryable: true } }),
    );

    const never = await client.predict('digits', { inputs: [status(503), files.url('/none')] });
    expect(never).toMatchObject({
      status: 'failed',
      attempts: 3,
      error: { code: 'input-fetch-failed' },
      outputs: [{ error: { retryable: true } }, { error: { retryable: false } }],
      batch_size: 0,
    });
    const gone = await client.predict('digits', { input: files.url('/none') });
    expect(gone).toMatchObject({ status: 'failed', attempts: 1, output: null });
    expect(gone.error?.detail).toContain('404');
    expect(gone.error?.type).toBe('/problems/input-fetch-failed');

    put(6, '/none');
    await client.post(`/v1/jobs/${gone.id}/retry`, '');
    expect(await client.ended(gone)).toMatchObject({ status: 'succeeded', output: answerOf(6) });
    files.put('/none', (response) => void response.writeHead(404).end());
  });

  it.each([
    ['a private address', 'http://10.0.0.1/a.png', 'not public'],
    ['the metadata of a cloud', 'http://169.254.169.254/latest/meta-data', 'not public'],
    ['an address of IPv6', 'http://[fd00::1]/a.png', 'not public'],
    ['an address in disguise', 'http://0x0a000001/a.png', 'spell'],
    ['a local name', 'http://localhost/a.png', 'local name'],
    ['a password', 'https://a:b@example.com/a.png', 'password'],
    ['no host', 'https:/a.png', 'http'],
    ['too much', `https://example.com/${'x'.repeat(4096)}`, '4096'],
  ])('are refused at once where they name %s', async (_, url, message) => {
    const body = { inputs: [picture(0).toString('base64'), url] };
    const answer = await client.post(DIGITS, body);
    expect(answer.body).toMatchObject({
      status: 422,
      code: 'url-forbidden',
      errors: [{ pointer: '/inputs/1', message: expect.stringContaining(message) }],
    });
  });

  it.each(['ftp://example.com/a.png', 'file:///etc/passwd', '/etc/passwd', 'javascript:1'])(
    'are no files of another kind: %s',
    async (input) => {
      const answer = await client.post(DIGITS, { input });
      expect([415, 422]).toContain(answer.status);
    },
  );

  it('cannot be said to have failed, nor to have come, by who sends them', async () => {
    for (const input of ['\u0001{"code":"poisoned"}', { problem: {} }, { file: 'x' }]) {
      const answer = await client.post(DIGITS, { input });
      expect(answer.body).toMatchObject({ status: 422, code: 'invalid-input' });
    }
  });

  it('are given up when their job is canceled', async () => {
    const job = await client.submit('digits', { inputs: [hang('/hang'), put(0)] });
    await files.untilOpen(1);
    await client.running(job);
    expect((await client.post(`/v1/jobs/${job.id}/cancel`, '')).status).toBe(200);
    await files.untilOpen(0);
    expect(await client.ended(job)).toMatchObject({ status: 'canceled' });
  });

  it('count as running: they overrun, and are not too late to start', async () => {
    const input = hang('/hang');
    const job = await client.predict('digits', {
      input,
      queue_timeout_s: 0.2,
      execution_timeout_s: 0.5,
    });
    expect(job).toMatchObject({ status: 'failed', error: { code: 'execution-timeout' } });
    await files.untilOpen(0);
  });

  it('hold up nobody else, and take no places of those who wait for a batch', async () => {
    const input = hang('/hang');
    const slow = await Promise.all(
      Array.from({ length: 250 }, () => client.submit('digits', { input })),
    );
    await files.untilOpen(32);
    const quick = await client.predict('digits', { input: picture(0).toString('base64') });
    expect(quick.status).toBe('succeeded');
    // None of them has ended and made place for it.
    expect(files.asked).toHaveLength(32);
    expect((await client.get<JobView>(`/v1/jobs/${slow[0]?.id}`)).body.status).toBe('running');
    await Promise.all(slow.map(({ id }) => client.post(`/v1/jobs/${id}/cancel`, '')));
    await files.untilOpen(0);
  });

  it('are never answered from results that are kept, as a file may change', async () => {
    const url = put(0, '/changing');
    const first = await client.predict('cached', { input: url });
    put(1, '/changing');
    const second = await client.predict('cached', { input: url });
    expect([first.output, second.output]).toEqual([answerOf(0), answerOf(1)]);
    expect([first.cached, second.cached]).toEqual([false, false]);
    const inline = { input: picture(0).toString('base64') };
    await client.predict('cached', inline);
    expect((await client.predict('cached', inline)).cached).toBe(true);
  });

  it('are shown to a shadow as they were fetched', async () => {
    const rollout = { stable: '1', shadow: { version: '2', percent: 100 } };
    await client.put('/v1/models/shadowed/rollout', rollout);
    await foretell.app('worker').line(({ msg }) => msg === 'shadow ready');
    const inputs = [put(0), files.url('/none'), put(2)];
    await client.predict('shadowed', { inputs });
    const { body } = await client.until<{ report: RolloutReport }>(
      '/v1/models/shadowed/rollout',
      ({ body: { report } }) => report.shadow?.compared === 1,
    );
    expect(body.report.shadow).toMatchObject({ compared: 1, agreed: 1, failed: 0 });
    expect(files.asked).toHaveLength(3);
  });

  it.each<NodeJS.Signals>(['SIGKILL', 'SIGTERM'])(
    'are fetched anew where their worker gets a %s meanwhile',
    async (signal) => {
      let hold = true;
      const url = files.put('/held', (response) => {
        if (!hold) response.end(picture(7));
      });
      const job = await client.submit('digits', { inputs: [url, put(1)] });
      await files.untilOpen(1);
      hold = false;
      const worker = foretell.app('worker');
      worker.kill(signal);
      await worker.ended;
      await foretell.add('worker');
      expect(await client.ended(job)).toMatchObject({
        status: 'succeeded',
        outputs: [answerOf(7), answerOf(1)],
        attempts: 1,
      });
    },
  );

  function status(code: number): string {
    return files.put(`/status/${code}`, (response) => void response.writeHead(code).end());
  }

  function redirect(from: string, location: string): string {
    return files.put(from, (response) => void response.writeHead(302, { location }).end());
  }

  /** Sends a byte now and then, and never ends. */
  function drip(name: string): string {
    return files.put(name, (response) => {
      const timer = setInterval(() => response.write('x'), 50);
      response.once('close', () => clearInterval(timer));
    });
  }

  /** Never answers. */
  function hang(name: string): string {
    return files.put(name, () => undefined);
  }
});

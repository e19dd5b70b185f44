import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { startTestS3, type TestS3 } from '#libs/testing';
import { Installation } from './support/installation.js';
import { heldOut, modelsDir } from './support/models.js';
import { inS3, type PayloadPlace, PLACES, sizesOf } from './support/payload-places.js';

const LIMIT_BYTES = 16_384;
/** A record has other fields, and a queue other jobs. */
const SMALL_BYTES = 32_768;
/** After IHDR: signature, length, name, 13 bytes, checksum. */
const PNG_HEAD_BYTES = 33;

/** The same picture, with a chunk that every reader skips. */
function padded(png: string, paddingBytes: number): string {
  const picture = Buffer.from(png, 'base64');
  const chunk = Buffer.concat([Buffer.from('paDd'), Buffer.alloc(paddingBytes, 'x')]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(paddingBytes);
  checksum.writeUInt32BE(crc32(chunk));
  const head = picture.subarray(0, PNG_HEAD_BYTES);
  const rest = picture.subarray(PNG_HEAD_BYTES);
  return Buffer.concat([head, length, chunk, checksum, rest]).toString('base64');
}

async function start(place: PayloadPlace): Promise<Installation> {
  return Installation.start({
    ...place.settings,
    INLINE_LIMIT_BYTES: String(LIMIT_BYTES),
    MODELS_DIR: await modelsDir('digits', 'iris'),
  });
}

/** What is submitted meanwhile stays in the queue. */
async function withoutWorker<T>(foretell: Installation, task: () => Promise<T>): Promise<T> {
  const worker = foretell.app('worker');
  worker.kill('SIGSTOP');
  try {
    return await task();
  } finally {
    worker.kill('SIGCONT');
  }
}

async function until(wanted: () => Promise<boolean>): Promise<void> {
  while (!(await wanted())) await delay(20);
}

describe.each(PLACES)('large payloads in %s', (_name, open) => {
  let place: PayloadPlace;
  let foretell: Installation;
  let pictures: string[];
  let small: JobView;
  let large: JobView;

  const held = () => place.held(foretell.redis.url);

  beforeAll(async () => {
    place = await open();
    foretell = await start(place);
    const { rows } = await heldOut('digits');
    pictures = rows.map(({ input }) => input as string);
    const quarters = [0, 1, 2, 3].map((i) => pictures.slice(i * 113, (i + 1) * 113));
    const jobs = await Promise.all(
      quarters.map((inputs) => foretell.client.predict('digits', { inputs })),
    );
    small = { ...jobs[0], outputs: jobs.flatMap(({ outputs }) => outputs ?? []) } as JobView;
  });

  afterAll(async () => {
    await foretell.stop();
    await place.stop();
  });

  it('keep 8 MB of images out of queue and record, and give the same result', async () => {
    const inputs = pictures.map((picture) => padded(picture, 13_500));
    const body = JSON.stringify({ inputs });
    expect(body.length).toBeGreaterThan(8_000_000);
    const accepted = await withoutWorker(foretell, async () => {
      const job = await foretell.client.submit('digits', body);
      expect((await held()).filter((name) => name.includes(job.id))).toHaveLength(1);
      expect((await sizesOf(foretell.redis.url)).largest).toBeLessThan(SMALL_BYTES);
      return job;
    });
    large = await foretell.client.ended(accepted);
    expect(large).toMatchObject({ status: 'succeeded', progress: { done: 450, total: 450 } });
    expect(large.outputs).toEqual(small.outputs);
    expect(JSON.stringify(large.outputs).length).toBeGreaterThan(LIMIT_BYTES);
  });

  it('keep no input of what has succeeded, and its outputs apart', async () => {
    await until(async () => !(await held()).some((name) => name.includes('input')));
    const ofLarge = (await held()).filter((name) => name.includes(large.id));
    expect(ofLarge).toEqual([expect.stringContaining('outputs')]);
    expect((await sizesOf(foretell.redis.url)).largest).toBeLessThan(SMALL_BYTES);
  });

  it('are left out of lists', async () => {
    const { body } = await foretell.client.get<{ data: JobView[] }>('/v1/jobs?model=digits');
    const listed = body.data.find(({ id }) => id === large.id);
    expect(listed).toEqual({ ...large, outputs: null });
  });

  it('are in a webhook as they are in the job', async () => {
    const receiver = createServer().listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const received = new Promise<{ data: JobView }>((resolve) => {
      receiver.once('request', (request, response) => {
        void text(request).then((payload) => {
          response.end();
          resolve(JSON.parse(payload) as { data: JobView });
        });
      });
    });
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await foretell.client.submit('digits', { inputs: pictures, webhook: { url } });
    expect((await received).data.outputs).toEqual(small.outputs);
    receiver.close();
    receiver.closeAllConnections();
  });

  it('go with their jobs, whatever became of these', async () => {
    const inputs = pictures.slice(0, 200);
    await until(async () => (await held()).every((name) => !name.includes('input')));
    const before = await held();
    const won = await foretell.client.submit('digits', { inputs, result_ttl_s: 1 });
    const expired = await withoutWorker(foretell, async () => {
      const job = await foretell.client.submit('digits', {
        inputs,
        queue_timeout_s: 0.1,
        result_ttl_s: 1,
      });
      expect(await held()).not.toEqual(before);
      return job;
    });
    for (const { id } of [won, expired]) {
      await foretell.client.until(`/v1/jobs/${id}`, ({ status }) => status === 410);
    }
    await until(async () => (await held()).length === before.length);
    expect((await held()).sort()).toEqual(before.sort());
  });

  it('have a limit, at which the answer is 413', async () => {
    const body = JSON.stringify({ input: 'x'.repeat(10 * 1024 * 1024) });
    const { status, body: problem } = await foretell.client.post('/v1/models/digits/predict', body);
    expect(status).toBe(413);
    expect(problem).toMatchObject({ code: 'payload-too-large' });
  });
});

describe('a store that goes away', () => {
  let s3: TestS3;
  let foretell: Installation;

  beforeAll(async () => {
    s3 = await startTestS3();
    foretell = await start(inS3(s3));
  });

  afterAll(async () => {
    await foretell.stop();
    await s3.stop();
  });

  it('refuses large jobs with 503, and loses none that was accepted', async () => {
    const { client } = foretell;
    const worker = foretell.app('worker');
    const { rows } = await heldOut('digits');
    const largeInput = { inputs: rows.map(({ input }) => input) };
    // Each of 17 bytes, with an output of about 100.
    const largeOutput = { inputs: Array(600).fill([5.1, 3.5, 1.4, 0.2]) };
    const [waiting, finished] = await withoutWorker(foretell, async () => {
      const jobs = [
        await client.submit('digits', largeInput),
        await client.submit('iris', largeOutput),
      ];
      await s3.goAway();
      return jobs;
    });
    await worker.line(({ msg }) => msg === 'inputs not fetched, jobs handed back');
    await worker.line(({ msg }) => msg === 'results not published yet');
    const refused = await client.post('/v1/models/digits/predict', largeInput);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.body).toMatchObject({ code: 'queue-unavailable', retryable: true });
    const small = await client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] });
    expect(small).toMatchObject({ status: 'succeeded', output: { label: 'setosa' } });

    await s3.comeBack();
    for (const job of [waiting, finished]) {
      const ended = await client.ended(job ?? { id: '' });
      expect(ended).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(ended.outputs).toHaveLength(ended.progress.total);
    }
    expect(await client.predict('digits', largeInput)).toMatchObject({ status: 'succeeded' });
  });
});

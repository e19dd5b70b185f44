import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import type { DeliveryView, JobView, WebhookPayload } from '#libs/contracts';
import type { Client } from './support/client.js';
import { type App, type AppName, Installation } from './support/installation.js';
import { Receiver } from './support/receiver.js';

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`;
const JOBS = 500;
const KILLS = 12;
/** Told in the name, so that a failure can be had again: `SEED=… npm test -- …`. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const random = fc.sample(fc.integer({ min: 0, max: 999_999 }), { seed, numRuns: 2000 });

describe(`webhooks whose processes are killed (seed ${seed})`, () => {
  let foretell: Installation;
  let receiver: Receiver;
  let url: string;
  let draw = 0;
  const next = (below: number) => (random[draw++ % random.length] ?? 0) % below;

  beforeAll(async () => {
    receiver = new Receiver();
    url = await receiver.start();
    foretell = await Installation.start({
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_FIRST_RETRY_MS: '100',
      WEBHOOK_TIMEOUT_S: '1',
    });
    await Promise.all([foretell.add('worker'), foretell.add('courier')]);
  });

  afterAll(async () => {
    receiver.stop();
    await foretell.stop();
  });

  /** One of those that are alive dies where it stands, and another one takes its place. */
  async function replace(name: AppName): Promise<void> {
    const living = foretell.apps.filter((app) => app.name === name && !killed.has(app));
    const app = living[next(living.length)];
    if (!app) throw new Error(`no ${name} is left`);
    killed.add(app);
    app.kill('SIGKILL');
    await app.ended;
    await foretell.add(name, name === 'api' ? { PORT: new URL(foretell.client.url).port } : {});
  }
  const killed = new Set<App>();

  /** Submits until it is accepted: the same key makes it the same job, whatever died meanwhile. */
  async function submit(client: Client): Promise<string> {
    const key = { 'idempotency-key': randomUUID() };
    const body = {
      input: [5.1, 3.5, 1.4, 0.2],
      webhook: { url, events: ['started', 'succeeded'] },
    };
    for (;;) {
      try {
        const { status, body: job } = await client.post<JobView>(
          '/v1/models/iris/predict',
          body,
          key,
        );
        if (status === 202 || status === 200) return job.id;
      } catch {
        // The api is being replaced: it comes back where it was.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('loses none of 500, and tells each under the ids that its job’s events have', async () => {
    // A third is refused at first, so that all stages of a delivery are met.
    receiver.answers = Array.from({ length: JOBS }, () => (next(3) === 0 ? 500 : 204));
    const submitting = Promise.all(
      Array.from({ length: 10 }, async () => {
        const ids: string[] = [];
        while (ids.length < JOBS / 10) ids.push(await submit(foretell.client));
        return ids;
      }),
    );
    const names: AppName[] = ['worker', 'courier', 'courier', 'api'];
    for (let i = 0; i < KILLS; i++) {
      await receiver.count(receiver.received.length + next(40));
      await replace(names[i % names.length] ?? 'courier');
      if (receiver.received.length >= 2 * JOBS) break;
    }
    const jobs = (await submitting).flat();
    const expected = new Set(jobs.flatMap((id) => [`${id.slice(4)}_1`, `${id.slice(4)}_2`]));
    const taken = () =>
      receiver.received
        .filter(({ answered }) => answered === 204)
        .map(({ headers }) => headers['webhook-id']);
    while (new Set(taken()).size < expected.size)
      await receiver.count(receiver.received.length + 1);
    expect(new Set(taken())).toEqual(new Set([...expected].map((id) => `msg_${id}`)));
    for (const { headers, body } of receiver.received) {
      const payload = new Webhook(SECRET).verify(
        body,
        headers as Record<string, string>,
      ) as WebhookPayload;
      const { type, sequence, data } = payload;
      expect(headers['webhook-id']).toBe(`msg_${data.id.slice(4)}_${sequence}`);
      expect(type).toBe(sequence === 1 ? 'job.started' : 'job.succeeded');
    }
    // What was sent twice is the same both times.
    const bodies = new Map<unknown, Set<string>>();
    for (const { headers, body } of receiver.received) {
      const of = bodies.get(headers['webhook-id']) ?? new Set();
      bodies.set(headers['webhook-id'], of.add(body));
    }
    expect([...bodies.values()].every((of) => of.size === 1)).toBe(true);
    // Nothing is left over, and the log knows.
    for (const id of jobs.slice(0, 20)) {
      const { body } = await foretell.client.until<{ data: DeliveryView[] }>(
        `/v1/jobs/${id}/deliveries`,
        ({ body: page }) => page.data.every(({ status }) => status === 'delivered'),
      );
      expect(body.data.map(({ event }) => event)).toEqual(['started', 'succeeded']);
    }
  }, 180_000);
});

describe('receivers that hang', () => {
  let foretell: Installation;
  const hanging = Array.from({ length: 40 }, () => new Receiver());
  const working = new Receiver();

  afterAll(async () => {
    for (const receiver of [...hanging, working]) receiver.stop();
    await foretell.stop();
  });

  it('hold up neither the callbacks of others nor inference, with 1,000 jobs that call them', async () => {
    for (const receiver of hanging) receiver.answer = () => undefined;
    const slowUrls = await Promise.all(hanging.map((receiver) => receiver.start()));
    const goodUrl = await working.start();
    foretell = await Installation.start({ COURIER_CONCURRENCY: '50' });
    const post = (url: string) =>
      foretell.client.submit('iris', { input: [5.1, 3.5, 1.4, 0.2], webhook: { url } });
    const submitAll = (urls: string[], count: number) =>
      Promise.all(
        Array.from({ length: 10 }, async () => {
          const jobs: JobView[] = [];
          for (let i = 0; i < count / 10; i++) jobs.push(await post(urls[i % urls.length] ?? ''));
          return jobs;
        }),
      ).then((jobs) => jobs.flat());
    // So that it is known to work.
    await post(goodUrl);
    await working.count(1);
    const stuck = await submitAll(slowUrls, 1000);
    const calls = () => hanging.reduce((sum, { received }) => sum + received.length, 0);
    while (calls() < 25) {
      await Promise.race(hanging.map((receiver) => receiver.count(receiver.received.length + 1)));
    }
    const jobs = await submitAll([goodUrl], 200);
    await working.count(201);
    const told = working.received
      .slice(1)
      .map(({ body }) => (JSON.parse(body) as WebhookPayload).data.id);
    expect(new Set(told)).toEqual(new Set(jobs.map(({ id }) => id)));
    // Not one of those that hang has come to its end meanwhile, and they have not more than half of the courier.
    expect(calls()).toBe(25);
    for (const job of stuck) expect((await foretell.client.ended(job)).status).toBe('succeeded');
  }, 120_000);
});

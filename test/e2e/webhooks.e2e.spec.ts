import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { Installation } from './support/installation.js';
import { type Received, Receiver } from './support/receiver.js';

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`;

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a webhook', () => {
  let foretell: Installation;
  let receiver: Receiver;
  let url: string;

  beforeAll(async () => {
    foretell = await Installation.start({ WEBHOOK_SECRET: SECRET, WEBHOOK_FIRST_RETRY_MS: '50' });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.start();
  });

  afterEach(() => {
    receiver.stop();
  });

  it('arrives at the end of the job, signed after Standard Webhooks', async () => {
    const job = await foretell.client.submit(
      'iris',
      { input: [5.1, 3.5, 1.4, 0.2], webhook: { url } },
      { 'x-request-id': 'order-1', traceparent: TRACEPARENT },
    );
    const [{ headers, body }] = (await receiver.count(1)) as [Received];
    const payload = new Webhook(SECRET).verify(
      body,
      headers as Record<string, string>,
    ) as WebhookPayload;
    expect(payload.type).toBe('job.succeeded');
    expect(payload.timestamp).toBe(payload.data.ended_at);
    const { body: polled } = await foretell.client.get<JobView>(`/v1/jobs/${job.id}`);
    const { status_url, events_url, cancel_url, ...same } = polled;
    expect(payload.data).toMatchObject(same);
    // The courier does not know by which address this client reached the api.
    const { data } = payload;
    const told = [data.status_url, data.events_url, data.cancel_url];
    const pathOf = (url: string) => new URL(url).pathname;
    expect(told.map(pathOf)).toEqual([status_url, events_url, cancel_url].map(pathOf));
    expect(headers['content-type']).toBe('application/json');
    expect(headers['traceparent']).toBe(TRACEPARENT);
    await foretell
      .app('courier')
      .line(
        (l) =>
          l.msg === 'webhook delivered' && l['job_id'] === job.id && l['request_id'] === 'order-1',
      );
  });

  it('is tried again after an error, under the same id, and a redirect is an error', async () => {
    receiver.answers = [500, 302];
    await foretell.client.submit('iris', { input: [5.1, 3.5, 1.4, 0.2], webhook: { url } });
    const attempts = await receiver.count(3);
    expect(new Set(attempts.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const { headers, body } of attempts) {
      expect(() =>
        new Webhook(SECRET).verify(body, headers as Record<string, string>),
      ).not.toThrow();
    }
  });

  it('is given up when the receiver says that it is gone', async () => {
    receiver.answers = [410];
    const job = await foretell.client.submit('iris', {
      input: [5.1, 3.5, 1.4, 0.2],
      webhook: { url },
    });
    await foretell.app('courier').line((l) => l['status'] === 410 && l['job_id'] === job.id);
    const next = await foretell.client.submit('iris', { input: [1, 2, 3, 4], webhook: { url } });
    await foretell
      .app('courier')
      .line((l) => l.msg === 'webhook delivered' && l['job_id'] === next.id);
    expect(receiver.received).toHaveLength(2);
  });

  it('tells only of the events that were asked for', async () => {
    const quiet = await foretell.client.submit('iris', {
      input: [1, 2, 3, 4],
      webhook: { url, events: ['failed'] },
    });
    await foretell.client.ended(quiet);
    const loud = await foretell.client.submit('iris', {
      input: [1, 2, 3, 4],
      webhook: { url, events: ['succeeded'] },
    });
    const [{ body }] = (await receiver.count(1)) as [Received];
    expect((JSON.parse(body) as WebhookPayload).data.id).toBe(loud.id);
  });
});

describe('a webhook that is owed when the courier is not there', () => {
  it('is delivered by the next one', async () => {
    const receiver = new Receiver();
    const url = await receiver.start();
    const foretell = await Installation.start({}, ['api', 'worker']);
    const job = await foretell.client.predict('iris', {
      input: [5.1, 3.5, 1.4, 0.2],
      webhook: { url },
    });
    await foretell.add('courier');
    const [{ body }] = (await receiver.count(1)) as [Received];
    expect((JSON.parse(body) as WebhookPayload).data.id).toBe(job.id);
    receiver.stop();
    await foretell.stop();
  });
});

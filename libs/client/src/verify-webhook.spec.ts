import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { JobView, WebhookPayload } from '#libs/contracts';
import { ReplayMemory } from './replay-memory.js';
import { type VerifiableWebhook, verifyWebhook } from './verify-webhook.js';
import { type RejectionReason, WebhookRejected } from './webhook-rejected.js';

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const SECRET = secretOf(7);
const event: WebhookPayload = {
  type: 'job.succeeded',
  timestamp: '2026-11-01T00:00:00.000Z',
  sequence: 1,
  data: { id: 'job_1', output: 'grüß' } as JobView,
};
const BODY = JSON.stringify(event);

/** A webhook as Foretell sends it. */
function sending({ id = 'msg_1_1', agoS = 0, secrets = [SECRET], body = BODY } = {}) {
  const sentAt = new Date((Math.floor(Date.now() / 1000) - agoS) * 1000);
  return {
    body,
    secrets: SECRET as string | readonly string[],
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(sentAt.getTime() / 1000),
      'webhook-signature': secrets.map((s) => new Webhook(s).sign(id, sentAt, body)).join(' '),
    },
  };
}

const withHeaders = (headers: object, webhook = sending()) => ({
  ...webhook,
  headers: { ...webhook.headers, ...headers },
});

async function expectRejected(webhook: VerifiableWebhook, reason: RejectionReason) {
  const error: unknown = await verifyWebhook(webhook).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WebhookRejected);
  expect((error as WebhookRejected).reason).toBe(reason);
}

describe('verifyWebhook', () => {
  it('returns what was sent', async () => {
    const webhook = sending();
    const timestamp = new Date(Number(webhook.headers['webhook-timestamp']) * 1000);
    expect(await verifyWebhook(webhook)).toEqual({ id: 'msg_1_1', timestamp, event });
  });

  it.each<[string, (webhook: ReturnType<typeof sending>) => VerifiableWebhook]>([
    ['Headers of Fetch', (w) => ({ ...w, headers: new Headers(w.headers) })],
    ['names in capitals', (w) => ({ ...w, headers: capitalized(w.headers) })],
    ['arrays of one', (w) => ({ ...w, headers: inArrays(w.headers) })],
    ['a header of the name get', (w) => withHeaders({ get: 'x' }, w)],
    ['a Buffer', (w) => ({ ...w, body: Buffer.from(w.body) })],
    ['bytes', (w) => ({ ...w, body: new TextEncoder().encode(w.body) })],
    ['one secret in a list', (w) => ({ ...w, secrets: [SECRET] })],
    ['the new secret of a rotation', (w) => ({ ...w, secrets: [SECRET, secretOf(1)] })],
    ['the old secret of a rotation', (w) => ({ ...w, secrets: [secretOf(1), SECRET] })],
  ])('takes %s', async (_, given) => {
    expect((await verifyWebhook(given(sending()))).event).toEqual(event);
  });

  it('takes either of two signatures', async () => {
    const webhook = sending({ secrets: [secretOf(1), SECRET] });
    expect((await verifyWebhook(webhook)).event).toEqual(event);
    await expectRejected({ ...webhook, secrets: secretOf(2) }, 'signature-invalid');
  });

  it.each<[string, VerifiableWebhook]>([
    ['body', { ...sending(), body: BODY.replace('job_1', 'job_2') }],
    ['body, by a space', { ...sending(), body: `${BODY} ` }],
    ['body, by a byte order mark', { ...sending(), body: Buffer.from(`\uFEFF${BODY}`) }],
    ['body, which is no UTF-8', { ...sending(), body: Buffer.from([...Buffer.from(BODY), 0xff]) }],
    ['empty body', { ...sending(), body: '' }],
    ['id', withHeaders({ 'webhook-id': 'msg_1_2' })],
    ['time', withHeaders({ 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 9) })],
    ['secret', { ...sending(), secrets: secretOf(1) }],
    ['secret, of several', { ...sending(), secrets: [secretOf(1), secretOf(2)] }],
    ['list of no secrets', { ...sending(), secrets: [] }],
    [
      'signature',
      withHeaders({ 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}` }),
    ],
    [
      'signature, cut',
      withHeaders({ 'webhook-signature': sending().headers['webhook-signature'].slice(0, -1) }),
    ],
    [
      'version',
      withHeaders({
        'webhook-signature': sending().headers['webhook-signature'].replace('v1', 'v1a'),
      }),
    ],
    ['signature without version', withHeaders({ 'webhook-signature': 'AAAA' })],
    ['version without signature', withHeaders({ 'webhook-signature': 'v1' })],
    ['empty signature', withHeaders({ 'webhook-signature': 'v1,' })],
    ['garbage', withHeaders({ 'webhook-signature': ' , ,, v1,\u00ff v1,💥 ' })],
  ])('rejects another %s', async (_, webhook) => {
    await expectRejected(webhook, 'signature-invalid');
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'rejects what has no %s, an empty one, or two',
    async (name) => {
      const { headers } = sending();
      const value = headers[name as keyof typeof headers];
      for (const given of [undefined, '', [], [value, value]]) {
        await expectRejected(withHeaders({ [name]: given }), 'headers-missing');
      }
      await expectRejected(withHeaders({ [name.toUpperCase()]: value }), 'headers-missing');
      const fetched = new Headers(headers);
      fetched.delete(name);
      await expectRejected({ ...sending(), headers: fetched }, 'headers-missing');
    },
  );

  it.each(['now', '-1', '0', '1e9', '0x6548', '1.5', ' ', '9'.repeat(13), 'NaN'])(
    'rejects the time %p',
    async (timestamp) => {
      await expectRejected(withHeaders({ 'webhook-timestamp': timestamp }), 'headers-missing');
    },
  );

  it.each([301, -301, 86_400, -86_400])('rejects what was sent %d s ago', async (agoS) => {
    await expectRejected(sending({ agoS }), 'stale');
  });

  it.each([295, -295])('takes what was sent %d s ago', async (agoS) => {
    expect((await verifyWebhook(sending({ agoS }))).event).toEqual(event);
  });

  it('throws at a secret that is none', async () => {
    await expect(verifyWebhook({ ...sending(), secrets: '' })).rejects.not.toBeInstanceOf(
      WebhookRejected,
    );
  });
});

describe('verifyWebhook and replays', () => {
  it('rejects the same sending, and takes a retry of Foretell', async () => {
    const replays = new ReplayMemory();
    const webhook = { ...sending({ agoS: 60 }), replays };
    await verifyWebhook(webhook);
    await expectRejected(webhook, 'replayed');
    expect((await verifyWebhook({ ...sending(), replays })).id).toBe('msg_1_1');
    expect((await verifyWebhook({ ...sending({ id: 'msg_1_2' }), replays })).id).toBe('msg_1_2');
  });

  it('takes one of two that come at once', async () => {
    const webhook = { ...sending(), replays: new ReplayMemory() };
    const both = await Promise.allSettled([verifyWebhook(webhook), verifyWebhook(webhook)]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('does not take another spelling of the time for another sending', async () => {
    const replays = new ReplayMemory();
    const webhook = { ...sending(), replays };
    await verifyWebhook(webhook);
    const time = webhook.headers['webhook-timestamp'];
    for (const spelling of [`${time}x`, `0${time}`, `+${time}`, `${time}.0`, ` ${time}`]) {
      const replayed = withHeaders({ 'webhook-timestamp': spelling }, webhook);
      await expectRejected({ ...replayed, replays }, 'headers-missing');
    }
  });

  it('asks with what outlasts the tolerance, and not before the signature is right', async () => {
    const asked: [string, number][] = [];
    const replays = {
      isNew: (key: string, ttlS: number) => {
        asked.push([key, ttlS]);
        return Promise.resolve(false);
      },
    };
    await expectRejected({ ...sending(), secrets: secretOf(1), replays }, 'signature-invalid');
    await expectRejected({ ...sending({ agoS: 400 }), replays }, 'stale');
    expect(asked).toEqual([]);
    const webhook = sending();
    await expectRejected({ ...webhook, replays }, 'replayed');
    expect(asked).toEqual([[`msg_1_1.${webhook.headers['webhook-timestamp']}`, 600]]);
  });
});

function capitalized(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toUpperCase(), v]));
}

function inArrays(headers: Record<string, string>): VerifiableWebhook['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, [v]]));
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { loadConfig } from '#libs/config';
import { startTestRedis, startTestS3, type TestRedis } from '#libs/testing';
import { newJobId } from '../job-id.js';
import { Keys } from '../keys.js';
import { openPayloads } from './open-payloads.js';
import type { Payload, PayloadName, PayloadStore } from './payload.store.js';

type Settings = Record<string, string>;
type Place = (stops: (() => Promise<void>)[]) => Promise<Settings>;

/** Settings that lead to each implementation. */
const PLACES: [string, Place][] = [
  ['Redis', () => Promise.resolve({})],
  [
    'a folder',
    async (stops) => {
      const folder = await mkdtemp(join(tmpdir(), 'foretell-payloads-'));
      stops.push(() => rm(folder, { recursive: true }));
      return { STORE_URL: pathToFileURL(join(folder, 'not there yet')).href };
    },
  ],
  [
    'S3',
    async (stops) => {
      const s3 = await startTestS3();
      stops.push(() => s3.stop());
      return { STORE_URL: s3.url, ...s3.credentials };
    },
  ],
];

describe.each(PLACES)('payloads in %s', (_name, place) => {
  const stops: (() => Promise<void>)[] = [];
  let server: TestRedis;
  let redis: Redis;
  let settings: Settings;
  let sut: PayloadStore;

  /** As another process of the installation would. */
  const open = () => {
    const config = loadConfig({ REDIS_URL: server.url, ...settings });
    return openPayloads(config.store, redis, new Keys('test'));
  };

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    settings = await place(stops);
    sut = await open();
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    for (const stop of stops) await stop();
  });

  const payload = (name: PayloadName = 'input', id = newJobId(7)): Payload => ({ id, name });

  it('gives back what was put, to every process', async () => {
    const [large, strange] = [payload(), payload('outputs-3')];
    const texts = ['x'.repeat(8_000_000), '{"a":1}\n"ü 😀 \u2028 \u0000",\n'];
    await Promise.all([sut.put(large, texts[0] ?? ''), sut.put(strange, texts[1] ?? '')]);
    const other = await open();
    expect((await other.get(large)) === texts[0]).toBe(true);
    expect(await other.get(strange)).toBe(texts[1]);
  });

  it('keeps apart the payloads of a job, and of jobs', async () => {
    const { id } = payload();
    const all = [
      payload('input', id),
      payload('outputs-1', id),
      payload('outputs-2', id),
      payload(),
    ];
    await Promise.all(all.map((each, i) => sut.put(each, String(i))));
    expect(await Promise.all(all.map((each) => sut.get(each)))).toEqual(['0', '1', '2', '3']);
    await sut.delete(all.slice(0, 2));
    expect(await Promise.all(all.map((each) => sut.get(each)))).toEqual([null, null, '2', '3']);
  });

  it('replaces what is put again', async () => {
    const again = payload();
    await sut.put(again, 'a longer text than the next');
    await sut.put(again, 'short');
    expect(await sut.get(again)).toBe('short');
  });

  it('knows nothing of what was never put, and deletes it all the same', async () => {
    expect(await sut.get(payload())).toBeNull();
    await sut.delete([]);
    await sut.delete([payload(), payload()]);
  });

  it('takes and deletes many at once', async () => {
    const many = Array.from({ length: 100 }, () => payload());
    await Promise.all(many.map((each) => sut.put(each, each.id)));
    expect(await Promise.all(many.map((each) => sut.get(each)))).toEqual(many.map(({ id }) => id));
    await sut.delete(many);
    expect(await Promise.all(many.map((each) => sut.get(each)))).toEqual(many.map(() => null));
  });
});

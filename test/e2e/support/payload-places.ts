import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { startTestS3, type TestS3 } from '#libs/testing';

/** Where an installation keeps large payloads. */
export interface PayloadPlace {
  settings: Record<string, string>;
  /** Names of those that are there. */
  held(redisUrl: string): Promise<string[]>;
  stop(): Promise<void>;
}

export const PLACES: [string, () => Promise<PayloadPlace>][] = [
  ['Redis', inRedis],
  ['a folder', inFolder],
  ['S3', async () => inS3(await startTestS3())],
];

function inRedis(): Promise<PayloadPlace> {
  return Promise.resolve({
    settings: {},
    held: async (redisUrl) => (await sizesOf(redisUrl)).payloads,
    stop: () => Promise.resolve(),
  });
}

async function inFolder(): Promise<PayloadPlace> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foretell-payloads-'));
  return {
    settings: { STORE_URL: pathToFileURL(folder).href },
    held: async () => {
      const entries = await readdir(folder, { recursive: true });
      return entries.filter((entry) => entry.includes('job_'));
    },
    stop: () => rm(folder, { recursive: true }),
  };
}

export function inS3(s3: TestS3): PayloadPlace {
  const [, bucket = '', endpoint = ''] = /^s3:\/\/(\w+).*endpoint=(.*)$/.exec(s3.url) ?? [];
  return {
    settings: { STORE_URL: s3.url, ...s3.credentials },
    held: async () => {
      const listing = await (await fetch(`${endpoint}/${bucket}?list-type=2`)).text();
      return [...listing.matchAll(/<Key>([^<]*)/g)].map(([, key]) => key ?? '');
    },
    stop: () => s3.stop(),
  };
}

/** What Redis holds: the keys of payloads, and the size of the largest other one. */
export async function sizesOf(redisUrl: string): Promise<{ payloads: string[]; largest: number }> {
  const redis = new Redis(redisUrl);
  try {
    const keys = await redis.keys('*');
    const payloads = keys.filter((key) => key.includes(':payload:'));
    const others = keys.filter((key) => !payloads.includes(key));
    const sizes = await Promise.all(others.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
    return { payloads, largest: Math.max(...sizes.map((size) => size ?? 0)) };
  } finally {
    redis.disconnect();
  }
}

import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { loadConfig } from '#libs/config';
import { newJobId } from '../job-id.js';
import { Keys } from '../keys.js';
import { openPayloads } from './open-payloads.js';

const PAYLOAD = { id: newJobId(7), name: 'input' } as const;

async function open(settings: Record<string, string>) {
  const { store } = loadConfig({ REDIS_URL: 'redis://127.0.0.1', ...settings });
  return openPayloads(store, new Redis({ lazyConnect: true }), new Keys('test'));
}

describe('openPayloads', () => {
  it.each([
    [{ STORE_URL: 'file://folder' }, 'three slashes'],
    [{ STORE_URL: 's3://bucket' }, 'needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
    [{ STORE_URL: 's3://bucket', AWS_ACCESS_KEY_ID: 'x' }, 'needs AWS_ACCESS_KEY_ID and'],
  ])('refuses %p', async (settings, words) => {
    await expect(open(settings)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(`^STORE_URL: .*${words}`),
    });
  });
});

describe('payloads in a folder', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foretell-payloads-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const openFolder = (path: string) => open({ STORE_URL: pathToFileURL(path).href });

  it('do not start where it cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openFolder(join(folder, 'file', 'below'))).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/^STORE_URL: .*file\/below cannot be written \(ENOTDIR/),
    });
  });

  it('are not taken for gone when the disk is', async () => {
    const sut = await openFolder(join(folder, 'disk'));
    await sut.put(PAYLOAD, 'text');
    await rename(join(folder, 'disk'), join(folder, 'unmounted'));
    await mkdir(join(folder, 'disk'));
    await expect(sut.get(PAYLOAD)).rejects.toThrow('ENOENT');
    await rm(join(folder, 'disk'), { recursive: true });
    await rename(join(folder, 'unmounted'), join(folder, 'disk'));
    expect(await sut.get(PAYLOAD)).toBe('text');
  });

  it('leave no half of a file behind', async () => {
    const sut = await openFolder(folder);
    await sut.put(PAYLOAD, 'text');
    await sut.delete([PAYLOAD]);
    // Where its name is taken by a folder, the file cannot come to stand there.
    const place = join(folder, PAYLOAD.id.slice(-1), PAYLOAD.id.slice(-2, -1));
    await mkdir(join(place, `${PAYLOAD.id}.input`));
    await expect(sut.put(PAYLOAD, 'text')).rejects.toThrow('EISDIR');
    expect(await readdir(place)).toEqual([`${PAYLOAD.id}.input`]);
  });
});

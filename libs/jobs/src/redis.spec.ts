import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ConfigError } from '#libs/config';
import { startTestRedis } from '#libs/testing';
import { openRedis } from './redis.js';

async function complaint(url: string): Promise<string> {
  try {
    (await openRedis(url, { failFast: true })).disconnect();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('openRedis', () => {
  it('opens a Redis that keeps its keys', async () => {
    const server = await startTestRedis();
    const redis = await openRedis(server.url, { failFast: true });
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
    await server.stop();
  });

  it('says so when nobody listens, without the password', async () => {
    const { port, ...server } = await startTestRedis();
    await server.stop();
    const text = await complaint(`redis://ann:se@cret@127.0.0.1:${String(port)}`);
    expect(text).toContain(`no Redis answers at redis://127.0.0.1:${String(port)}`);
    expect(text).not.toMatch(/ann|se@|cret/);
  });

  it('does not take a host that is called auth for a wrong password', async () => {
    expect(await complaint('redis://auth-redis.invalid:1')).toContain('no Redis answers');
  });

  it('says so when a password is wanted, or another one', async () => {
    const server = await startTestRedis({ args: ['--requirepass', 'right'] });
    const at = (user: string) => server.url.replace('//', `//${user}@`);
    expect(await complaint(server.url)).toMatch(/^REDIS_URL: .*password/);
    expect(await complaint(at(':wrong'))).toMatch(/^REDIS_URL: .*password/);
    expect(await complaint(at(':right'))).toBe('');
    await server.stop();
  });

  it('refuses a Redis that evicts', async () => {
    const server = await startTestRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    expect(await complaint(server.url)).toMatch(/^REDIS_URL: .*evicts.*allkeys-lru.*noeviction/);
    await server.stop();
  });

  it('follows a name to another master, though the old one still answers', async () => {
    const [old, next] = await Promise.all([startTestRedis(), startTestRedis()]);
    let target = old.port;
    const name = createServer((socket) => {
      const through = connect(target, '127.0.0.1').on('error', () => socket.destroy());
      socket.on('error', () => through.destroy());
      socket.pipe(through).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(name, 'listening');
    const { port } = name.address() as AddressInfo;
    const redis = await openRedis(`redis://127.0.0.1:${String(port)}`, { failFast: true });
    await redis.set('who', 'old');

    target = next.port;
    const operator = new Redis(old.url);
    await operator.replicaof('127.0.0.1', next.port);
    await expect(redis.set('who', 'next')).rejects.toThrow('READONLY');
    await once(redis, 'ready');
    expect(await redis.set('who', 'next')).toBe('OK');
    const successor = new Redis(next.url);
    expect(await successor.get('who')).toBe('next');

    for (const connection of [redis, operator, successor]) connection.disconnect();
    name.close();
    await Promise.all([old.stop(), next.stop()]);
  });
});

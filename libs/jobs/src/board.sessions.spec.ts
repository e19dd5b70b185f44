import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { BOARD_SESSION_S, BoardSessions } from './board.sessions.js';
import { Keys } from './keys.js';

describe('BoardSessions', () => {
  let server: TestRedis;
  let redis: Redis;
  let sessions: BoardSessions;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    sessions = new BoardSessions(redis, new Keys('test'));
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('opens a session that another process knows, until it is closed', async () => {
    const token = await sessions.open('right');
    const other = new BoardSessions(redis, new Keys('test'));
    expect(await other.isOpen(token, 'right')).toBe(true);
    expect(await other.isOpen('made up', 'right')).toBe(false);
    expect(await other.isOpen('', 'right')).toBe(false);
    await other.close(token);
    expect(await sessions.isOpen(token, 'right')).toBe(false);
  });

  it('ends a session with its password, and by itself', async () => {
    const token = await sessions.open('right');
    expect(await sessions.isOpen(token, 'changed')).toBe(false);
    const [key = ''] = await redis.keys('*session*');
    expect(await redis.ttl(key)).toBeGreaterThan(BOARD_SESSION_S - 60);
  });

  it('keeps nothing that opens the board', async () => {
    const token = await sessions.open('a-password');
    const keys = await redis.keys('*session*');
    const held = [...keys, ...(await redis.mget(keys))].join(' ');
    expect(held).not.toContain(token);
    expect(held).not.toContain('a-password');
  });

  it('looks at ten logins of an address, and at a hundred of all', async () => {
    await redis.flushall();
    const tries = (address: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => sessions.tryLogin(address)));
    const own = await tries('10.0.0.1', 12);
    expect(own.filter((waitMs) => waitMs === 0)).toHaveLength(10);
    expect(Math.max(...own)).toBeGreaterThan(0);
    expect(Math.max(...own)).toBeLessThanOrEqual(15 * 60_000);
    expect(await sessions.tryLogin('10.0.0.2')).toBe(0);
    for (let i = 3; i < 12; i++) await tries(`10.0.0.${i}`, 10);
    expect(await sessions.tryLogin('10.0.1.1')).toBeGreaterThan(0);
    for (const key of await redis.keys('*')) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it('forgets the tries of who has got in', async () => {
    await redis.flushall();
    for (let i = 0; i < 10; i++) await sessions.tryLogin('10.0.0.1');
    await sessions.forgetTries('10.0.0.1');
    expect(await sessions.tryLogin('10.0.0.1')).toBe(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import { ConfigError, type Durability } from '#libs/config';
import { startTestRedis } from '#libs/testing';
import { Redis } from 'ioredis';
import { checkDurability } from './redis.durability.js';

/** @returns what is said of a Redis with such arguments: of an error, or warnings. */
async function told(wanted: Durability | undefined, ...args: string[]): Promise<string> {
  const server = await startTestRedis({ args });
  const redis = new Redis(server.url);
  const warnings: string[] = [];
  try {
    await checkDurability(redis, wanted, (message) => warnings.push(message));
    return warnings.join();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

const AOF = ['--appendonly', 'yes', '--appendfsync'];
const HIDDEN = ['--rename-command', 'CONFIG', ''];

describe('checkDurability', () => {
  it.each<[Durability | undefined, string[]]>([
    ['always', [...AOF, 'always']],
    ['everysec', [...AOF, 'everysec']],
    ['everysec', [...AOF, 'always']],
    [undefined, [...AOF, 'everysec']],
  ])('takes what is as durable as %s, or more so: %j', async (wanted, args) => {
    expect(await told(wanted, ...args)).toBe('');
  });

  it.each<[Durability, string[], RegExp]>([
    ['always', [...AOF, 'everysec'], /^DURABILITY: .*everysec, not always.*CONFIG SET/],
    ['everysec', [...AOF, 'no'], /^DURABILITY: .*appendfsync no, not everysec/],
    ['everysec', [], /^DURABILITY: .*no append-only file/],
    ['always', [...AOF, 'always', ...HIDDEN], /does not tell.*see that it is always/],
  ])('says what is less than %s: %j', async (wanted, args, expected) => {
    expect(await told(wanted, ...args)).toMatch(expected);
  });

  it('warns of a Redis without a file, where nothing is promised', async () => {
    expect(await told(undefined)).toMatch(/loses jobs.*appendonly yes/);
  });
});

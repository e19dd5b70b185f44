import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from '#libs/testing';
import { firstIdAt, newJobId, partitionOfModel } from './job-id.js';
import { Keys } from './keys.js';
import { Witness } from './witness.js';

const keys = new Keys('test');
const newId = () => newJobId(partitionOfModel('iris'));

describe('Witness', () => {
  let server: TestRedis;
  let redis: Redis;
  let accepted: string[];
  let sut: Witness;

  beforeEach(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
    accepted = [];
    sut = another();
  });

  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  const another = (jobs = accepted) => new Witness(redis, keys, () => jobs);
  const markKey = async () => (await redis.keys('*:mark:*'))[0] ?? '';

  it('finds nothing missing while all is kept', async () => {
    const id = newId();
    await redis.hset(keys.record(id), 'status', 'queued');
    accepted.push(id);
    for (let i = 0; i < 3; i++) expect(await sut.look()).toBeNull();
    await redis.rename(keys.record(id), keys.tombstone(id));
    expect(await sut.look()).toBeNull();
    expect(sut.loss).toBeNull();
    expect(sut.mayHaveLost(newId())).toBe(false);
  });

  it('sees that all has gone, and says it once', async () => {
    const before = newId();
    await sut.look();
    await redis.flushall();
    expect(await sut.look()).toEqual({ since: null, until: expect.any(Number) });
    expect(await sut.look()).toBeNull();
    expect(sut.loss).not.toBeNull();
    expect(sut.mayHaveLost(before)).toBe(true);
    expect(sut.mayHaveLost(`${firstIdAt(Date.now() + 1000)}0000000000000000`)).toBe(false);
  });

  it('sees that the latest writes have gone by the mark of before', async () => {
    await sut.look();
    const kept = await redis.get(await markKey());
    await sut.look();
    await redis.set(await markKey(), kept ?? '');
    const since = Number(kept?.split(' ')[1]);
    const id = newId();
    expect(await sut.look()).toEqual({ since, until: expect.any(Number) });
    expect(sut.mayHaveLost(id)).toBe(true);
    expect(sut.mayHaveLost(`${firstIdAt(since - 600_000)}0000000000000000`)).toBe(false);
  });

  it('sees that the job that was accepted last has gone, and says it once', async () => {
    await sut.look();
    accepted.push(newId());
    expect(await sut.look()).toMatchObject({ since: expect.any(Number) });
    expect(await sut.look()).toBeNull();
  });

  it('tells all others, and those that come later, for a day', async () => {
    const other = another([]);
    await other.look();
    await sut.look();
    await redis.del(await redis.keys('*:mark:*'));
    await redis.set(keys.mark('x'), '1 1');
    accepted.push(newId());
    await sut.look();
    const late = another([]);
    expect(await late.look()).toBeNull();
    expect(late.loss).toEqual(sut.loss);
    expect(await redis.pttl(keys.dataLoss)).toBeGreaterThan(23 * 3_600_000);
    await redis.del(keys.dataLoss);
    await late.look();
    expect(JSON.parse((await redis.get(keys.dataLoss)) ?? '')).toEqual(sut.loss);
  });

  it('takes a mark for set whose answer was lost', async () => {
    await sut.look();
    jest.spyOn(redis, 'get').mockRejectedValueOnce(new Error('Connection is closed.'));
    await expect(sut.look()).rejects.toThrow('closed');
    expect(await sut.look()).toBeNull();
  });
});

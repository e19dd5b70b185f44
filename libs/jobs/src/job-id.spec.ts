import { describe, expect, it } from '@jest/globals';
import {
  createdAtOf,
  firstIdAt,
  isJobId,
  newJobId,
  partitionOfJob,
  partitionOfModel,
} from './job-id.js';

/** The UUID of an id, decoded by arithmetic of its own. */
function uuidOf(id: string): string {
  let value = 0n;
  for (const letter of id.slice(4)) {
    value = value * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(letter));
  }
  return value.toString(16).padStart(32, '0');
}

describe('job ids', () => {
  it('are UUIDs of version 7 with the variant of RFC 9562 and the time in front', () => {
    const before = Date.now();
    for (let i = 0; i < 5000; i++) {
      const hex = uuidOf(newJobId(i % 4096));
      expect(hex).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
      const ms = parseInt(hex.slice(0, 12), 16);
      expect(ms).toBeGreaterThanOrEqual(before);
      expect(ms).toBeLessThanOrEqual(Date.now());
    }
  });

  it('carry the partition they were made with', () => {
    for (let partition = 0; partition < 4096; partition++) {
      const id = newJobId(partition);
      expect(isJobId(id)).toBe(true);
      expect(partitionOfJob(id)).toBe(partition);
    }
  });

  it('tell when they were made, and sort on the right side of a time', () => {
    for (let i = 0; i < 5000; i++) {
      const id = newJobId(i % 4096);
      const ms = createdAtOf(id);
      expect(ms).toBe(parseInt(uuidOf(id).slice(0, 12), 16));
      expect(firstIdAt(ms) < id).toBe(true);
      expect(firstIdAt(ms + 1) > id).toBe(true);
    }
  });

  it('do not repeat', () => {
    const ids = new Set(Array.from({ length: 100_000 }, () => newJobId(7)));
    expect(ids.size).toBe(100_000);
  });

  it('give a model the same partition everywhere', () => {
    expect(partitionOfModel('iris')).toBe(partitionOfModel('iris'));
    expect(partitionOfModel('iris')).toBeLessThan(4096);
  });

  it.each(['', 'job_', 'meta', 'job_01kb', 'job_' + 'z'.repeat(26), 'job_' + '0'.repeat(26), '1'])(
    'does not take %p for an id',
    (text) => {
      expect(isJobId(text)).toBe(false);
    },
  );
});

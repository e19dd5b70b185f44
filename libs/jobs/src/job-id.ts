import { createHash, randomFillSync } from 'node:crypto';
import { clock } from '#libs/clock';

/**
 * Job ids: `job_` and a UUID version 7 in Crockford's base 32, 26 characters (the TypeID form).
 *
 * The 12 bits that RFC 9562 leaves free after the version (`rand_a`) carry the *partition* of the
 * job's model. It is the hash tag of the model's queue and of its records alike, so the record's key
 * follows from the id alone and one script may write all records of a batch, in a Redis Cluster too.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const VALUE = new Map(Array.from(ALPHABET, (letter, value) => [letter, value]));
const JOB_ID = /^job_0[0-9a-hjkmnp-tv-z]{9}[ef][0-9a-hjkmnp-tv-z]{15}$/;
const POOL_BYTES = 8192;

const pool = Buffer.allocUnsafe(POOL_BYTES);
let poolOffset = POOL_BYTES;
let lastMs = -1;
let lastMsText = '';

/** Partition of a model, 0 to 4095. */
export function partitionOfModel(model: string): number {
  return createHash('sha256').update(model).digest().readUInt16BE(0) & 0xfff;
}

/** A fresh id; ids made later sort later, to the millisecond. */
export function newJobId(partition: number): string {
  const ms = clock.now();
  if (ms !== lastMs) {
    lastMs = ms;
    lastMsText = encode(BigInt(ms), 10);
  }
  if (poolOffset + 8 > POOL_BYTES) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const high = pool.readUInt32BE(poolOffset) & 0x3fffffff;
  const low = pool.readUInt32BE(poolOffset + 4);
  poolOffset += 8;
  // 80 bits remain: version (4), partition (12), variant 0b10 (2), random (62), in two halves of 40.
  const upper = (0x7000 + partition) * 2 ** 24 + (0x800000 + ((high >>> 8) % 0x400000));
  const lower = (high & 0xff) * 2 ** 32 + low;
  return `job_${lastMsText}${encode40(upper)}${encode40(lower)}`;
}

/** What every id of this millisecond or later is not below, as text; not an id itself. */
export function firstIdAt(ms: number): string {
  return `job_${encode(BigInt(Math.max(0, Math.floor(ms))), 10)}`;
}

export function isJobId(text: string): boolean {
  return JOB_ID.test(text);
}

/** When an id was made, ms since the epoch. The id must have passed {@link isJobId}. */
export function createdAtOf(id: string): number {
  let ms = 0;
  for (const letter of id.slice(4, 14)) ms = ms * 32 + (VALUE.get(letter) ?? 0);
  return ms;
}

/** Partition that an id carries. The id must have passed {@link isJobId}. */
export function partitionOfJob(id: string): number {
  // Characters 10 to 13 of the suffix are bits 48 to 67 of the UUID: version, partition, 4 more.
  let bits = 0;
  for (const letter of id.slice(14, 18)) bits = bits * 32 + (VALUE.get(letter) ?? 0);
  return (bits >>> 4) & 0xfff;
}

function encode(value: bigint, length: number): string {
  let text = '';
  for (let rest = value, i = 0; i < length; i++, rest >>= 5n) {
    text = (ALPHABET[Number(rest & 31n)] ?? '') + text;
  }
  return text;
}

function encode40(value: number): string {
  let text = '';
  for (let rest = value, i = 0; i < 8; i++) {
    text = (ALPHABET[rest % 32] ?? '') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

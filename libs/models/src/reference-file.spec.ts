import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { VersionDescription } from '#libs/contracts';
import { readReference } from './reference-file.js';

const fields = ['a', 'b'].map((name) => ({ name, mean: 0, std: 1 }));
const version = {
  model: 'm',
  version: '1',
  input: { kind: 'tabular', fields },
  output: { kind: 'tensor' },
} as unknown as VersionDescription;

describe('readReference', () => {
  let dir: string;
  let file: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'foretell-reference-'));
    file = join(dir, 'reference.jsonl');
  });

  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  it('reads an instance a line, as callers send them', async () => {
    await writeFile(file, '[1, 2]\n{"a": 3, "b": 4}\n');
    const { instances, digest } = await readReference(file, version);
    expect(instances).toEqual([[1, 2], { a: 3, b: 4 }]);
    await writeFile(file, '[1, 2]\n{"a": 3, "b": 5}');
    expect((await readReference(file, version)).digest).not.toBe(digest);
  });

  it.each([
    ['', 'reference.jsonl is empty'],
    ['[1, 2]\n{', 'reference.jsonl:2 is no JSON'],
    ['[1, 2]\n\n[3, 4]', 'reference.jsonl:2 is no JSON'],
    ['[1, 2]\n[1]', 'reference.jsonl:2: the instance must NOT have fewer than 2 items'],
    ['{"a": 1}', 'reference.jsonl:1: /b is missing'],
    ['[1, "x"]', 'reference.jsonl:1: /1 must be number'],
    ['[1,2]\n'.repeat(50_001), 'reference.jsonl has more than 50000 lines'],
  ])('refuses %j', async (text, reason) => {
    await writeFile(file, text);
    await expect(readReference(file, version)).rejects.toThrow(new Error(reason));
  });

  it('refuses what is too large, is not there, or would be waited on for ever', async () => {
    await expect(readReference(file, version)).rejects.toThrow('reference.jsonl cannot be read');
    await writeFile(file, '');
    await truncate(file, 2 ** 24 + 1);
    await expect(readReference(file, version)).rejects.toThrow('has more than 16 MiB');
    await rm(file);
    execFileSync('mkfifo', [file]);
    await expect(readReference(file, version)).rejects.toThrow('is no regular file');
  });
});

import { describe, expect, it } from '@jest/globals';
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManifestError, parseManifest, readManifest } from './manifest.js';

function complaint(yaml: string): string {
  try {
    parseManifest(yaml, 'iris/model.yaml');
  } catch (error) {
    if (error instanceof ManifestError) return error.message;
    throw error;
  }
  return '';
}

const TABULAR = 'input:\n  kind: tabular\n  fields:\n    - name: a\n';
const IMAGE = 'input:\n  kind: image\n  width: 8\n  height: 8\n  channels: rgb\n';
const CLASSES = 'output:\n  kind: classification\n  labels: [a, b]\n';

describe('a manifest', () => {
  it.each(['', '{}', '# nothing yet\n', '---\n'])('may be as empty as %p', (yaml) => {
    expect(parseManifest(yaml, 'iris/model.yaml')).toMatchObject({
      input: { kind: 'tensor' },
      output: { kind: 'tensor' },
      batching: { max_batch_size: 64, max_queue_delay_ms: 2 },
      warmup: { batch_sizes: [1] },
    });
  });

  it('gets the defaults of its kinds', () => {
    const { input } = parseManifest(IMAGE, 'm');
    expect(input).toMatchObject({ layout: 'nchw', mean: [0, 0, 0], std: [1, 1, 1] });
    expect(parseManifest(TABULAR, 'm').input).toMatchObject({ fields: [{ mean: 0, std: 1 }] });
  });

  it.each([
    ['a kind there is not', 'input:\n  kind: audio\n', 2, 'input.kind'],
    ['a kind that is left out', 'input:\n  fields: []\n', 1, 'input.kind'],
    [
      'a tabular input without fields',
      'input:\n  kind: tabular\n  fields: []\n',
      3,
      'input.fields',
    ],
    ['two fields of one name', `${TABULAR}    - name: a\n`, 3, 'input.fields'],
    ['a field without a name', `${TABULAR}    - unit: cm\n`, 5, 'input.fields[1].name'],
    ['a std of zero', `${TABULAR}      std: 0\n`, 5, 'input.fields[0].std'],
    ['an infinite mean', `${TABULAR}      mean: .inf\n`, 5, 'input.fields[0].mean'],
    ['a range upside down', `${TABULAR}      minimum: 2\n      maximum: 1\n`, 5, 'minimum'],
    ['a width of zero', IMAGE.replace('width: 8', 'width: 0'), 3, 'input.width'],
    ['channels there are not', IMAGE.replace('rgb', 'cmyk'), 5, 'input.channels'],
    ['a mean for one channel of three', `${IMAGE}  mean: [0.5]\n`, 6, 'input.mean'],
    ['labels that are numbers', 'output:\n  kind: classification\n  labels: [0, 1]\n', 3, '[0]'],
    ['labels that repeat', CLASSES.replace('b]', 'a]'), 3, 'output.labels'],
    ['a top_k above the labels', `${CLASSES}  top_k: 3\n`, 4, 'output.top_k'],
    ['decimals that are not whole', `${CLASSES}  decimals: 1.5\n`, 4, 'output.decimals'],
    ['a negative delay', 'batching:\n  max_queue_delay_ms: -1\n', 2, 'max_queue_delay_ms'],
    ['a batch size in words', 'batching:\n  max_batch_size: many\n', 2, 'max_batch_size'],
    ['a version that is no number', 'versions:\n  latest: {}\n', 2, 'versions.latest'],
    ['held-out rows of a version', 'versions:\n  1:\n    held_out: 3\n', 3, 'versions.1.held_out'],
    ['a card that is a list', 'card: []\n', 1, 'card'],
    ['a list instead of a map', '- a\n', 1, ''],
    ['a text instead of a map', 'hello\n', 1, ''],
  ])('with %s is refused by line and field', (_, yaml, line, field) => {
    const text = complaint(yaml);
    expect(text).toMatch(new RegExp(`^iris/model\\.yaml:${String(line)}: \\S`));
    expect(text).toContain(field);
  });

  it.each([
    ['at the top', 'description: x\nbatch: {}\n', 2, 'batch'],
    ['in an input', `${TABULAR}  scale: 1\n`, 5, 'scale'],
    ['in a field', `${TABULAR}      max: 1\n`, 5, 'max'],
    ['of another kind', 'input:\n  kind: tensor\n  width: 8\n', 3, 'width'],
    ['in an output', `${CLASSES}  unit: cm\n`, 4, 'unit'],
    ['in the batching', 'batching:\n  max_batch_size: 1\n  delay: 2\n', 3, 'delay'],
  ])('with an unknown key %s is refused by the line of that key', (_, yaml, line, key) => {
    const text = complaint(yaml);
    expect(text).toMatch(new RegExp(`^iris/model\\.yaml:${String(line)}: \\S`));
    expect(text).toContain(`"${key}"`);
  });

  it.each([
    ['a tab for indentation', 'input:\n\tkind: tensor\n', 2],
    ['an open bracket', 'card: {a: b\n', 2],
    ['a key that repeats', 'card: {}\ncard: {}\n', 2],
    ['two documents', 'card: {}\n---\ncard: {}\n', 2],
  ])('with %s is refused by line', (_, yaml, line) => {
    expect(complaint(yaml)).toMatch(new RegExp(`^iris/model\\.yaml:${String(line)}: \\S`));
  });

  it.each([
    ['aliases that grow like a billion laughs', laughs()],
    ['an alias of nothing', 'card: *nothing\n'],
  ])('with %s is refused, as a manifest and not as a crash', (_, yaml) => {
    expect(complaint(yaml)).toMatch(/^iris\/model\.yaml:.* alias/i);
  });

  it('tells every complaint at once', () => {
    const text = complaint(`${CLASSES}  top_k: 0\nbatching: {max_batch_size: -1}\n`);
    expect(text.split('; ')).toHaveLength(2);
  });

  it('that is a folder cannot be read, one that is not there is empty', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'foretell-'));
    await mkdir(join(dir, 'model.yaml'));
    await expect(readManifest(join(dir, 'model.yaml'), 'iris/model.yaml')).rejects.toThrow(
      'iris/model.yaml: cannot be read',
    );
    await expect(readManifest(join(dir, 'none.yaml'), 'm')).resolves.toBe('');
    await rm(dir, { recursive: true });
  });
});

function laughs(): string {
  const lines = ['a0: &a0 [ha, ha]'];
  for (let i = 1; i < 30; i++) {
    const ref = `*a${String(i - 1)}`;
    lines.push(`a${String(i)}: &a${String(i)} [${Array(9).fill(ref).join(', ')}]`);
  }
  return lines.join('\n');
}

import { describe, expect, it } from '@jest/globals';
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManifestError } from './manifest.error.js';
import { parseManifest, readManifest } from './manifest.js';

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
const CATEGORY = `${TABULAR}      type: category\n`;
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

  it.each(['constructor', 'toString', '__proto__'])('may call a field %s', (name) => {
    const { input } = parseManifest(TABULAR.replace('name: a', `name: ${name}`), 'm');
    expect(input).toMatchObject({ fields: [{ name, mean: 0, std: 1 }] });
  });

  it('is watched for drift unless it says not to', () => {
    const usual = { window_s: 3600, min_samples: 500, warn_psi: 0.1, alert_psi: 0.25 };
    expect(parseManifest('', 'm').drift).toMatchObject(usual);
    expect(parseManifest('drift: { min_samples: 9 }', 'm').drift).toMatchObject({
      ...usual,
      min_samples: 9,
    });
    expect(parseManifest('drift: false', 'm').drift).toBe(false);
  });

  it.each([
    ['a kind there is not', 'input:\n  kind: smell\n', 2, 'input.kind'],
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
    ['a reference elsewhere', 'drift:\n  reference: ../x.jsonl\n', 2, 'drift.reference'],
    ['thresholds of drift upside down', 'drift:\n  warn_psi: 1\n', 2, 'drift.warn_psi'],
    ['drift that is true', 'drift: true\n', 1, 'drift: '],
    ['a negative delay', 'batching:\n  max_queue_delay_ms: -1\n', 2, 'max_queue_delay_ms'],
    ['a batch size in words', 'batching:\n  max_batch_size: many\n', 2, 'max_batch_size'],
    ['a type there is not', `${TABULAR}      type: text\n`, 5, 'input.fields[0].type'],
    [
      'a scaler beside its short form',
      `${TABULAR}      mean: 1\n      scaler: {kind: robust, center: 0, scale: 1}\n`,
      4,
      'mean and scaler',
    ],
    [
      'a min-max scaler upside down',
      `${TABULAR}      scaler: {kind: min-max, minimum: 1, maximum: 1}\n`,
      5,
      'input.fields[0].scaler.minimum',
    ],
    ['a clip upside down', `${TABULAR}      clip: [2, 1]\n`, 5, 'input.fields[0].clip'],
    ['a mean that nobody knows', `${TABULAR}      missing: mean\n`, 5, 'standard scaler'],
    ['a median that nobody knows', `${TABULAR}      std: 2\n      missing: median\n`, 6, 'robust'],
    [
      'categories that repeat',
      `${CATEGORY}      categories: [a, a]\n`,
      6,
      'categories must differ',
    ],
    [
      'a substitute that is no category',
      `${CATEGORY}      categories: [a]\n      unknown: {value: b}\n`,
      7,
      'one of the categories',
    ],
    [
      'a code among columns of zeros and ones',
      `${CATEGORY}      categories: [a]\n      missing: {code: 1}\n`,
      7,
      'only with the encoding ordinal',
    ],
    [
      'zeros for a place in a list',
      `${CATEGORY}      categories: [a]\n      encoding: ordinal\n      unknown: ignore\n`,
      8,
      'only with the encoding one-hot',
    ],
    ['no labels', 'output:\n  kind: classification\n', 1, 'either labels or labels_file'],
    [
      'a threshold for three',
      `${CLASSES.replace('b]', 'b, c]')}  threshold: 0.5\n`,
      4,
      'threshold',
    ],
    [
      'a threshold for a label there is not',
      `${CLASSES}  multi_label: true\n  threshold: {c: 1}\n`,
      5,
      'c is none of the labels',
    ],
    [
      'several labels of one sum',
      `${CLASSES}  activation: softmax\n  multi_label: true\n`,
      5,
      'several',
    ],
    ['a temperature of nothing', `${CLASSES}  temperature: 2\n`, 4, 'output.temperature'],
    ['an unknown label for nothing', `${CLASSES}  unknown_label: x\n`, 4, 'output.unknown_label'],
    [
      'an unknown label that is known',
      `${CLASSES}  min_confidence: 1\n  unknown_label: a\n`,
      5,
      'none of the labels',
    ],
    [
      'targets and a mean for all',
      'output:\n  kind: regression\n  targets: [{name: a}]\n  mean: 1\n',
      4,
      'output.mean: belongs to each of the targets',
    ],
    [
      'a scaler and its short form of a target',
      'output:\n  kind: regression\n  std: 2\n  scaler: {kind: robust, center: 1, scale: 1}\n',
      4,
      'output.scaler',
    ],
    ['a schema that is none', 'processor:\n  input_schema: {type: texts}\n', 2, 'no JSON Schema'],
    ['a schema that leads elsewhere', 'processor:\n  input_schema: {$ref: x}\n', 2, '$ref'],
    ['a policy there is not', 'version_policy: newest\n', 1, 'version_policy: must be all,'],
    ['a policy of two', 'version_policy: {latest: 1, specific: [1]}\n', 1, 'version_policy'],
    ['the latest none', 'version_policy: {latest: 0}\n', 1, 'version_policy'],
    ['a version 0', 'version_policy: {specific: [0]}\n', 1, 'version_policy'],
    ['no version', 'version_policy: {specific: []}\n', 1, 'version_policy'],
    ['a default by another name', 'default_version: stable\n', 1, 'default_version'],
    [
      'a default that is not served',
      'version_policy: {specific: [1, 3]}\ndefault_version: 2\n',
      2,
      'default_version: must be one of version_policy.specific',
    ],
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
    ['in the drift', 'drift:\n  psi: 1\n', 2, 'psi'],
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

  it.each([
    ['{kind: standard, mean: 4, std: 2}', 4, 2],
    ['{kind: robust, center: 4, scale: 2}', 4, 2],
    ['{kind: min-max, minimum: 4, maximum: 6}', 4, 2],
    ['{kind: min-max, minimum: 0, maximum: 10, range: [-1, 1]}', 5, 5],
  ])('has the scaler %s as a shift and a scale', (scaler, mean, std) => {
    const yaml = `${TABULAR}      scaler: ${scaler}\n`;
    expect(parseManifest(yaml, 'm').input).toMatchObject({ fields: [{ mean, std }] });
    const target = `output:\n  kind: regression\n  scaler: ${scaler}\n`;
    expect(parseManifest(target, 'm').output).toMatchObject({ mean, std, decimals: 4 });
  });

  it('has a threshold for each label', () => {
    const yaml = `${CLASSES}  multi_label: true\n`;
    const thresholds = (text: string) => parseManifest(yaml + text, 'm').output;
    expect(thresholds('')).toMatchObject({ thresholds: [0.5, 0.5] });
    expect(thresholds('  threshold: 0.2\n')).toMatchObject({ thresholds: [0.2, 0.2] });
    expect(thresholds('  threshold: {b: 0.9}\n')).toMatchObject({ thresholds: [0.5, 0.9] });
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

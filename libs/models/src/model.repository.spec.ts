import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isTabular } from '#libs/contracts';
import { digestOf } from './external-data.js';
import { versionFiles } from './model-folder.js';
import { ModelRepository, type StoredModel } from './model.repository.js';

const readAll = (dir: string): Promise<StoredModel[]> => new ModelRepository(dir).readAll();

describe('ModelRepository', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'foretell-models-'));
  });

  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  async function put(file: string, text = ''): Promise<void> {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), text);
  }

  it('orders versions by number, not by text', async () => {
    for (const version of ['10', '2', '1']) await put(`iris/${version}/model.onnx`);
    const [iris] = await readAll(dir);
    expect(iris?.versions.map((v) => v.description.version)).toEqual(['1', '2', '10']);
    expect(iris?.versions[2]?.file).toBe(join(dir, 'iris/10/model.onnx'));
  });

  it('takes a model without a manifest for one of raw tensors', async () => {
    await put('raw/1/model.onnx');
    const [raw] = await readAll(dir);
    expect(raw?.reason).toBeUndefined();
    expect(raw?.versions[0]?.description).toMatchObject({ input: { kind: 'tensor' }, card: {} });
  });

  it('gives each version what the manifest says of it', async () => {
    await put('iris/1/model.onnx');
    await put('iris/2/model.onnx');
    await put('iris/model.yaml', 'description: all\nversions: {2: {description: new}}\n');
    const [iris] = await readAll(dir);
    expect(iris?.description).toBe('all');
    expect(iris?.versions.map((v) => v.description.description)).toEqual([undefined, 'new']);
  });

  it('takes a folder whose manifest says so for a pipeline, which has one version', async () => {
    await put('both/model.yaml', 'pipeline: {steps: {one: {model: iris, version: 2}}}\n');
    await put('notes/model.yaml', 'description: {\n');
    const [both, ...others] = await readAll(dir);
    expect(others).toEqual([]);
    expect(both?.versions).toMatchObject([
      {
        description: {
          model: 'both',
          version: '1',
          pipeline: { steps: { one: { model: 'iris', version: '2' } } },
          drift: false,
        },
      },
    ]);
  });

  it.each([
    [
      'a graph of its own',
      'pipeline: {steps: {one: {model: iris}}}',
      'both/1/model.onnx',
      'both/model.yaml:1: pipeline: a pipeline has no graph of its own',
    ],
    [
      'what graphs have',
      'pipeline: {steps: {one: {model: iris}}}\ninstances: 2\n',
      '',
      'both/model.yaml:2: Unrecognized key: "instances"',
    ],
    [
      'a broken step',
      'pipeline:\n  steps:\n    one: {model: iris, inptu: 1}\n',
      '',
      'both/model.yaml:3: pipeline.steps.one.inptu: Unrecognized',
    ],
  ])('refuses a pipeline with %s', async (_, text, file, reason) => {
    await put('both/model.yaml', text);
    if (file !== '') await put(file);
    const [both] = await readAll(dir);
    expect(both?.versions).toEqual([]);
    expect(both?.reason).toContain(reason);
  });

  it.each<[string, string[], string[]]>([
    ['all', ['1', '2', '10'], []],
    ['{latest: 2}', ['2', '10'], ['1']],
    ['{latest: 9}', ['1', '2', '10'], []],
    ['{specific: [10, 1, 1]}', ['1', '10'], ['2']],
    ['{specific: [7]}', ['7'], ['1', '2', '10']],
  ])('has the versions served that the policy %s says', async (policy, served, leftOut) => {
    for (const version of ['10', '2', '1']) await put(`iris/${version}/model.onnx`);
    await put('iris/model.yaml', `version_policy: ${policy}\n`);
    const [iris] = await readAll(dir);
    expect(iris?.versions.map((v) => v.description.version)).toEqual(served);
    expect(iris?.leftOut).toEqual(leftOut);
    expect(iris?.versions[0]?.description).not.toHaveProperty('version_policy');
  });

  it('tells the default that the manifest declares, and none otherwise', async () => {
    await put('iris/2/model.onnx');
    await put('iris/model.yaml', 'default_version: 2\n');
    await put('raw/1/model.onnx');
    expect((await readAll(dir)).map((model) => model.defaultVersion)).toEqual(['2', undefined]);
  });

  it('finds the reference of drift: the named one, else the version’s own, else that of the model', async () => {
    const found = async () => {
      const [iris] = await readAll(dir);
      return iris?.versions.map(({ reference }) => reference);
    };
    for (const version of ['1', '2']) await put(`iris/${version}/model.onnx`);
    expect(await found()).toEqual([undefined, undefined]);
    await put('iris/reference.jsonl', '1');
    await put('iris/2/reference.jsonl', '2');
    const [one, two] = ['iris/reference.jsonl', 'iris/2/reference.jsonl'].map((f) => join(dir, f));
    expect(await found()).toEqual([one, two]);
    await put('iris/model.yaml', 'drift: { reference: held/out.jsonl }');
    const named = join(dir, 'iris/held/out.jsonl');
    expect(await found()).toEqual([named, named]);
    await put('iris/model.yaml', 'drift: false');
    expect(await found()).toEqual([undefined, undefined]);
  });

  it('takes a version for changed when the reference is', async () => {
    await put('iris/1/model.onnx');
    await put('iris/reference.jsonl', '1');
    const before = await readAll(dir);
    expect(await readAll(dir)).toEqual(before);
    await put('iris/reference.jsonl', '1, 2');
    const after = await readAll(dir);
    expect(after[0]?.versions[0]?.fingerprint).not.toBe(before[0]?.versions[0]?.fingerprint);
  });

  it('reports a broken manifest without its path, and serves the others', async () => {
    await put('bad/1/model.onnx');
    await put('bad/model.yaml', 'a: &a [x]\nb: [*c]\n');
    await put('good/1/model.onnx');
    const [bad, good] = await readAll(dir);
    expect(bad).toMatchObject({ model: 'bad', versions: [] });
    expect(bad?.reason).toMatch(/^bad\/model\.yaml:/);
    expect(good?.versions).toHaveLength(1);
  });

  describe('reads files that a manifest names', () => {
    const TABULAR = 'input: {kind: tabular, scaler_file: s.json, fields: [{name: a}, {name: b}]}\n';
    const CLASSES = 'output: {kind: classification, labels_file: labels.txt}\n';
    const reason = async () => (await readAll(dir))[0]?.reason;

    beforeEach(async () => {
      await put('iris/1/model.onnx');
      await put('iris/2/model.onnx');
    });

    it('a version its own, the others the one of the model', async () => {
      await put('iris/model.yaml', TABULAR + CLASSES);
      await put('iris/s.json', '{"kind":"standard","features":["b"],"mean":[3],"scale":null}');
      await put('iris/2/s.json', '{"kind":"robust","features":["a"],"center":null,"scale":[4]}');
      await put('iris/labels.txt', 'x\r\ny y\n');
      const [iris] = await readAll(dir);
      expect(iris?.versions.map(({ description: { input } }) => input)).toMatchObject([
        {
          fields: [
            { mean: 0, std: 1 },
            { mean: 3, std: 1 },
          ],
        },
        {
          fields: [
            { mean: 0, std: 4 },
            { mean: 0, std: 1 },
          ],
        },
      ]);
      expect(iris?.versions[0]?.description.output).toMatchObject({ labels: ['x', 'y y'] });
    });

    it('again once they have changed', async () => {
      const sut = new ModelRepository(dir);
      const means = async () => {
        const { input } = (await sut.read('iris'))?.versions[0]?.description ?? {};
        return input && isTabular(input) && input.fields.map((f) => 'mean' in f && f.mean);
      };
      await put('iris/model.yaml', TABULAR);
      for (const mean of [1, 2, 1]) {
        await put(
          'iris/s.json',
          `{"kind":"min-max","features":["a"],"data_min":[${String(mean)}],"data_max":[9]}`,
        );
        expect(await means()).toEqual([mean, 0]);
      }
    });

    it.each([
      [
        'not there',
        's.txt',
        '',
        /^iris\/model\.yaml:1: input\.scaler_file: there is no file s\.json/,
      ],
      ['no JSON', 's.json', '{', /^iris\/s\.json: is not JSON/],
      ['of no kind', 's.json', '{"kind":"pca"}', /^iris\/s\.json: kind: /],
      [
        'too short',
        's.json',
        '{"kind":"standard","features":["a","b"],"mean":[1]}',
        /^iris\/s\.json: mean: has 1 numbers for 2 features$/,
      ],
      [
        'of a scale of zero',
        's.json',
        '{"kind":"robust","features":["a"],"scale":[0]}',
        /^iris\/s\.json: scale\[0\]: must be above 0$/,
      ],
      [
        'of other fields',
        's.json',
        '{"kind":"standard","features":["c"]}',
        /^iris\/model\.yaml:1: input\.scaler_file: has the feature c,/,
      ],
      ['too large', 's.json', ' '.repeat(300_000), /^iris\/s\.json: has more than 262144 bytes$/],
    ])('and says where one is %s', async (_, file, text, expected) => {
      await put('iris/model.yaml', TABULAR);
      await put(`iris/${file}`, text);
      expect(await reason()).toMatch(expected);
    });

    it.each([
      ['a b', 'a\n\nb', /^iris\/labels\.txt:2: /],
      [
        'labels that repeat',
        'a\na',
        /^iris\/model\.yaml:1: output\.labels_file: labels must differ$/,
      ],
    ])('and says what is wrong with labels: %s', async (_, text, expected) => {
      await put('iris/model.yaml', CLASSES);
      await put('iris/labels.txt', text);
      expect(await reason()).toMatch(expected);
    });

    it('but none that lies elsewhere', async () => {
      await put('iris/model.yaml', TABULAR.replace('s.json', '../s.json'));
      expect(await reason()).toMatch(/scaler_file: must be the name of a file beside model\.yaml$/);
    });
  });

  describe('gives a version with a processor.mjs its digest, which', () => {
    const digests = async () =>
      (await readAll(dir))[0]?.versions.map((v) => v.description.processor?.sha256);

    beforeEach(async () => {
      await put('iris/1/model.onnx');
      await put('iris/2/model.onnx');
      await put('iris/processor.mjs', 'export const preprocess = (x) => x;');
    });

    it('is the same for versions that share it, and another for one that has its own', async () => {
      const [first, second] = (await digests()) ?? [];
      expect(first).toMatch(/^[0-9a-f]{64}$/);
      expect(second).toBe(first);
      await put('iris/2/processor.mjs', 'export const postprocess = (x) => x;');
      const [still, own] = (await digests()) ?? [];
      expect(still).toBe(first);
      expect(own).not.toBe(first);
    });

    it('changes with it and with the modules beside it, and with nothing else', async () => {
      const seen = new Set<string | undefined>();
      const look = async () => seen.add((await digests())?.[0]);
      await look();
      await put('iris/notes.txt', 'x');
      await put('iris/.words.mjs.swp', 'x');
      await look();
      expect(seen.size).toBe(1);
      await put('iris/words.mjs', '1');
      await look();
      await put('iris/words.mjs', '2');
      await look();
      await put('iris/processor.mjs', 'export const preprocess = (y) => y;');
      await look();
      expect(seen.size).toBe(4);
      await rm(join(dir, 'iris/processor.mjs'));
      expect(await digests()).toEqual([undefined, undefined]);
    });

    it('must be there where the manifest speaks of it', async () => {
      await rm(join(dir, 'iris/processor.mjs'));
      await put('iris/2/processor.mjs', '');
      await put('iris/model.yaml', 'processor: {}\n');
      const [iris] = await readAll(dir);
      expect(iris?.reason).toBe(
        'iris/model.yaml:1: processor: there is no processor.mjs for version 1',
      );
    });
  });

  it('passes over what is no model', async () => {
    await put('training/train.py');
    await put('empty/model.yaml');
    await put('iris.zip');
    await put('odd/v1/model.onnx');
    await put('odd/01/model.onnx');
    await put('odd/0/model.onnx');
    await put('odd/1');
    await put('odd/2/model.onnx/model.onnx');
    await put('odd/3/model.pt');
    await mkdir(join(dir, 'hollow'));
    expect(await readAll(dir)).toEqual([]);
  });

  it.each(['a b', 'a:b', '.hidden', 'x'.repeat(64), 'modèle'])(
    'reports the folder name %p as unusable',
    async (name) => {
      await put(`${name}/1/model.onnx`);
      const [model] = await readAll(dir);
      expect(model).toMatchObject({ model: name, versions: [] });
      expect(model?.reason).toMatch(/name/);
    },
  );

  it('follows links to models and versions, and passes over broken ones', async () => {
    await put('.store/1/model.onnx');
    await symlink(join(dir, '.store'), join(dir, 'linked'));
    await symlink(join(dir, 'nowhere'), join(dir, 'broken'));
    await symlink(join(dir, '.store/1/model.onnx'), join(dir, 'file'));
    await mkdir(join(dir, 'versioned'));
    await symlink(join(dir, '.store/1'), join(dir, 'versioned/7'));
    const usable = (await readAll(dir)).filter((m) => m.reason === undefined);
    expect(usable.map((m) => [m.model, m.versions[0]?.description.version])).toEqual([
      ['linked', '1'],
      ['versioned', '7'],
    ]);
  });

  it('fails when the folder itself is not there', async () => {
    await expect(readAll(join(dir, 'none'))).rejects.toThrow('ENOENT');
  });

  it('takes a version for changed when a file that its input names is', async () => {
    const stored = async () => {
      const [first] = (await readAll(dir)).flatMap(({ versions }) => versions);
      if (!first) throw new Error('there is no version');
      const sha256 = await digestOf(await versionFiles(first.file, first.description));
      return [first.fingerprint, sha256];
    };
    await put('chat/1/model.onnx', 'a graph');
    await put('chat/model.yaml', 'input: { kind: text, tokenizer_file: tokenizer.json }');
    const seen = [await stored()];
    for (const file of ['chat/tokenizer.json', 'chat/tokenizer.json', 'chat/1/tokenizer.json']) {
      await put(file, `{"in": ${String(seen.length)}}`);
      seen.push(await stored());
    }
    expect(new Set(seen.map(([fingerprint]) => fingerprint)).size).toBe(4);
    expect(new Set(seen.map(([, sha256]) => sha256)).size).toBe(4);
    await put('chat/vocab.txt');
    expect(await stored()).toEqual(seen.at(-1));
  });

  it('refuses a path in place of the name of a file', async () => {
    await put('chat/1/model.onnx');
    await put('chat/model.yaml', 'input: { kind: text, tokenizer_file: ../tokenizer.json }');
    const [chat] = await readAll(dir);
    expect(chat?.reason).toBe(
      'chat/model.yaml:1: input.tokenizer_file: must be the name of a file beside model.yaml',
    );
  });

  describe('gives a version a fingerprint that', () => {
    const fingerprints = async () =>
      (await readAll(dir)).flatMap((m) => m.versions.map((v) => v.fingerprint));

    beforeEach(async () => {
      await put('iris/1/model.onnx', 'one');
      await put('iris/1/model.onnx.data', 'weights');
      await put('iris/1/layers/0.bin', 'layer');
    });

    it('stays while nothing changes, and does not depend on the folder names above', async () => {
      const before = await fingerprints();
      await put('iris/model.yaml', 'description: new');
      await put('iris/notes.txt', 'new');
      await rename(join(dir, 'iris'), join(dir, 'rosa'));
      expect(await fingerprints()).toEqual(before);
    });

    it.each([
      ['the graph is written', () => put('iris/1/model.onnx', 'onee')],
      ['weights beside it are written', () => put('iris/1/model.onnx.data', 'weightss')],
      ['weights below it are written', () => put('iris/1/layers/0.bin', 'layerr')],
      ['weights are added', () => put('iris/1/layers/1.bin', '')],
      ['weights are removed', () => rm(join(dir, 'iris/1/layers/0.bin'))],
      [
        'weights change names',
        () => rename(join(dir, 'iris/1/layers/0.bin'), join(dir, 'iris/1/layers/1.bin')),
      ],
      [
        'only the time of writing differs',
        () => utimes(join(dir, 'iris/1/model.onnx'), new Date(), new Date(0)),
      ],
    ])('changes when %s', async (_, change) => {
      const [before] = await fingerprints();
      await change();
      const [after] = await fingerprints();
      expect(after).not.toBe(before);
    });

    it('changes when a file of the same size and time takes the place of another', async () => {
      const graph = join(dir, 'iris/1/model.onnx');
      await utimes(graph, 1, 1);
      const [before] = await fingerprints();
      await put('iris/new', 'two');
      await utimes(join(dir, 'iris/new'), 1, 1);
      await rename(join(dir, 'iris/new'), graph);
      expect(await fingerprints()).not.toEqual([before]);
    });

    it('changes when a link on the way leads elsewhere, as a ConfigMap is updated', async () => {
      for (const at of ['a', 'b']) await put(`.store/${at}/model.onnx`, at);
      await mkdir(join(dir, 'mounted/1'), { recursive: true });
      await symlink('../../.store/a', join(dir, 'mounted/1/..data'));
      await symlink('..data/model.onnx', join(dir, 'mounted/1/model.onnx'));
      const before = await fingerprints();
      await symlink('../../.store/b', join(dir, 'mounted/1/..new'));
      await rename(join(dir, 'mounted/1/..new'), join(dir, 'mounted/1/..data'));
      const after = await fingerprints();
      expect(after).toHaveLength(2);
      expect(after[0]).toBe(before[0]);
      expect(after[1]).not.toBe(before[1]);
    });

    it('passes over what rsync is still writing, and links that go round', async () => {
      const before = await fingerprints();
      await put('iris/1/.model.onnx.x7Qk2', 'half');
      await symlink('nowhere', join(dir, 'iris/1/dangling'));
      expect(await fingerprints()).toEqual(before);
      await symlink('.', join(dir, 'iris/1/a'));
      await symlink('.', join(dir, 'iris/1/b'));
      expect(await fingerprints()).toEqual(await fingerprints());
    });
  });
});

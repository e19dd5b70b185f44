import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

  it('reports a broken manifest without its path, and serves the others', async () => {
    await put('bad/1/model.onnx');
    await put('bad/model.yaml', 'a: &a [x]\nb: [*c]\n');
    await put('good/1/model.onnx');
    const [bad, good] = await readAll(dir);
    expect(bad).toMatchObject({ model: 'bad', versions: [] });
    expect(bad?.reason).toMatch(/^bad\/model\.yaml:/);
    expect(good?.versions).toHaveLength(1);
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

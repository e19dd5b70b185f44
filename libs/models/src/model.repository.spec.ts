import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { scanModels } from './model.repository.js';

describe('scanModels', () => {
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
    const [iris] = await scanModels(dir);
    expect(iris?.versions.map((v) => v.description.version)).toEqual(['1', '2', '10']);
    expect(iris?.versions[2]?.file).toBe(join(dir, 'iris/10/model.onnx'));
  });

  it('takes a model without a manifest for one of raw tensors', async () => {
    await put('raw/1/model.onnx');
    const [raw] = await scanModels(dir);
    expect(raw?.reason).toBeUndefined();
    expect(raw?.versions[0]?.description).toMatchObject({ input: { kind: 'tensor' }, card: {} });
  });

  it('gives each version what the manifest says of it', async () => {
    await put('iris/1/model.onnx');
    await put('iris/2/model.onnx');
    await put('iris/model.yaml', 'description: all\nversions: {2: {description: new}}\n');
    const [iris] = await scanModels(dir);
    expect(iris?.description).toBe('all');
    expect(iris?.versions.map((v) => v.description.description)).toEqual([undefined, 'new']);
  });

  it('reports a broken manifest without its path, and serves the others', async () => {
    await put('bad/1/model.onnx');
    await put('bad/model.yaml', 'a: &a [x]\nb: [*c]\n');
    await put('good/1/model.onnx');
    const [bad, good] = await scanModels(dir);
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
    expect(await scanModels(dir)).toEqual([]);
  });

  it.each(['a b', 'a:b', '.hidden', 'x'.repeat(64), 'modèle'])(
    'reports the folder name %p as unusable',
    async (name) => {
      await put(`${name}/1/model.onnx`);
      const [model] = await scanModels(dir);
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
    const usable = (await scanModels(dir)).filter((m) => m.reason === undefined);
    expect(usable.map((m) => [m.model, m.versions[0]?.description.version])).toEqual([
      ['linked', '1'],
      ['versioned', '7'],
    ]);
  });

  it('fails when the folder itself is not there', async () => {
    await expect(scanModels(join(dir, 'none'))).rejects.toThrow('ENOENT');
  });
});

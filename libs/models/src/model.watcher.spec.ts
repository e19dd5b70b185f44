import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ModelRepository, type StoredModel } from './model.repository.js';
import { ModelWatcher } from './model.watcher.js';

describe('ModelWatcher', () => {
  let above: string;
  let dir: string;
  let told: StoredModel[][];
  let errors: string[];
  let sut: ModelWatcher;

  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'foretell-models-'));
    dir = join(above, 'models');
    await put('iris/1/model.onnx', 'one');
    await put('digits/1/model.onnx', 'one');
    told = [];
    errors = [];
    sut = new ModelWatcher(dir, {
      intervalMs: 0,
      onChange: (models) => told.push(models),
      onError: ({ message }) => errors.push(message),
    });
    await sut.start();
  });

  afterEach(async () => {
    sut.stop();
    await rm(above, { recursive: true });
  });

  async function put(file: string, text = ''): Promise<void> {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), text);
  }

  async function scans(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await sut.scan();
  }

  const versions = (models: StoredModel[] | undefined) =>
    models?.map((m) => [m.model, ...m.versions.map((v) => v.description.version)]);

  it('finds at first what there is, as it is', async () => {
    const fresh = new ModelWatcher(dir, {
      intervalMs: 0,
      onChange: (models) => told.push(models),
      onError: () => undefined,
    });
    expect(versions(await fresh.start())).toEqual([
      ['digits', '1'],
      ['iris', '1'],
    ]);
    await fresh.scan();
    expect(told).toEqual([]);
    const none = new ModelWatcher(join(dir, 'none'), {
      intervalMs: 0,
      onChange: () => undefined,
      onError: () => undefined,
    });
    await expect(none.start()).rejects.toThrow('ENOENT');
  });

  it('says nothing while nothing changes', async () => {
    await scans(3);
    await put('training/train.py');
    await scans(3);
    expect([told, errors]).toEqual([[], []]);
  });

  it('tells all there is, by name, once a change was seen twice', async () => {
    await put('aster/3/model.onnx');
    await sut.scan();
    expect(told).toEqual([]);
    await scans(3);
    expect(told.map(versions)).toEqual([
      [
        ['aster', '3'],
        ['digits', '1'],
        ['iris', '1'],
      ],
    ]);
  });

  it.each([
    ['a new version', () => put('iris/2/model.onnx')],
    ['another graph', () => put('iris/1/model.onnx', 'other')],
    ['other weights', () => put('iris/1/model.onnx.data', 'w')],
    ['another manifest', () => put('iris/model.yaml', 'batching: {max_batch_size: 2}')],
    ['a broken manifest', () => put('iris/model.yaml', 'batch: {}')],
    ['a version that went', () => rm(join(dir, 'iris'), { recursive: true })],
    ['an empty folder', () => rm(dir, { recursive: true }).then(() => mkdir(dir))],
  ])('tells of %s', async (_, change) => {
    await change();
    await sut.scan();
    expect(told).toEqual([]);
    await sut.scan();
    expect(told).toHaveLength(1);
    await sut.scan();
    expect(told).toHaveLength(1);
  });

  it('reads a manifest that was put right', async () => {
    await put('iris/model.yaml', 'batch: {}');
    await scans(2);
    await put('iris/model.yaml', 'description: good');
    await scans(2);
    const last = told.map((models) => models.find((m) => m.model === 'iris'));
    expect(last.map((m) => [m?.reason === undefined, m?.versions.length])).toEqual([
      [false, 0],
      [true, 1],
    ]);
    expect(last[1]?.versions[0]?.description.version).toBe('1');
  });

  it('waits for a file that is being copied, and meanwhile tells of other models', async () => {
    await put('iris/2/model.onnx', 'h');
    for (let i = 0; i < 4; i++) {
      await sut.scan();
      await appendFile(join(dir, 'iris/2/model.onnx'), 'alf');
    }
    expect(told).toEqual([]);
    await put('digits/2/model.onnx');
    for (let i = 0; i < 2; i++) {
      await sut.scan();
      await appendFile(join(dir, 'iris/2/model.onnx'), 'alf');
    }
    expect(told.map(versions)).toEqual([
      [
        ['digits', '1', '2'],
        ['iris', '1'],
      ],
    ]);
    await scans(2);
    expect(versions(told[1])).toEqual([
      ['digits', '1', '2'],
      ['iris', '1', '2'],
    ]);
  });

  it('does not mention what was gone for a moment', async () => {
    await rename(join(dir, 'iris'), join(above, 'iris'));
    await sut.scan();
    await rename(join(above, 'iris'), join(dir, 'iris'));
    await scans(3);
    expect(told).toEqual([]);
  });

  it('keeps what it knows while the folder is away, complains once, and goes on', async () => {
    await rename(dir, join(above, 'away'));
    await scans(3);
    expect(told).toEqual([]);
    expect(errors).toEqual([expect.stringContaining('ENOENT')]);
    await rename(join(above, 'away'), dir);
    await scans(2);
    expect(told).toEqual([]);
    await put('iris/2/model.onnx');
    await scans(2);
    expect(told).toHaveLength(1);
    await rm(join(dir, 'iris'), { recursive: true });
    await rm(join(dir, 'digits'), { recursive: true });
    await scans(2);
    expect(told[1]).toEqual([]);
    await rm(dir, { recursive: true });
    await sut.scan();
    expect(errors).toHaveLength(2);
  });

  it('keeps a model that cannot be read, and hears of the others', async () => {
    const read = jest.spyOn(ModelRepository.prototype, 'read');
    await put('iris/2/model.onnx');
    for (let i = 0; i < 2; i++) {
      read.mockRejectedValueOnce(new Error('ESTALE'));
      await sut.scan();
    }
    expect(read.mock.calls.slice(0, 2)).toEqual([['digits'], ['iris']]);
    read.mockRestore();
    expect(errors).toEqual(['ESTALE']);
    expect(told.map(versions)).toEqual([
      [
        ['digits', '1'],
        ['iris', '1', '2'],
      ],
    ]);
  });

  it('scans once for all who ask meanwhile', async () => {
    await put('iris/2/model.onnx');
    await Promise.all([sut.scan(), sut.scan(), sut.scan()]);
    expect(told).toEqual([]);
  });

  it('is silent once it has stopped, even in the middle of a scan', async () => {
    await put('iris/2/model.onnx');
    await sut.scan();
    const last = sut.scan();
    sut.stop();
    await last;
    expect(told).toEqual([]);
  });

  it('scans by itself where it has an interval', async () => {
    const heard = new Promise<StoredModel[]>((resolve) => {
      const polling = new ModelWatcher(dir, {
        intervalMs: 1,
        onChange: (models) => {
          polling.stop();
          resolve(models);
        },
        onError: () => undefined,
      });
      void polling.start().then(() => put('iris/2/model.onnx'));
    });
    expect(versions(await heard)).toContainEqual(['iris', '1', '2']);
  });
});

import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

const IRIS = path.join(import.meta.dirname, '../../models/iris');

/** A copy of iris, version 2, under another name and with another manifest. */
async function variant(dir: string, name: string, change: (manifest: string) => string) {
  await mkdir(path.join(dir, name));
  await cp(path.join(IRIS, '2'), path.join(dir, name, '1'), { recursive: true });
  const manifest = await readFile(path.join(IRIS, 'model.yaml'), 'utf8');
  await writeFile(path.join(dir, name, 'model.yaml'), change(manifest));
}

describe('models whose manifest is out of the ordinary', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await variant(dir, 'singly', (text) =>
      text.replace(/max_batch_size: \d+/, 'max_batch_size: 0'),
    );
    await variant(dir, 'typo', (text) => text.replace('max_batch_size', 'max_batchsize'));
    await variant(dir, 'labels', (text) => text.replace('virginica]', 'virginica, rose]'));
    await variant(dir, 'tensor', (text) => text.replace('tensor: features', 'tensor: feature'));
    foretell = await Installation.start({ MODELS_DIR: dir });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('max_batch_size 0 runs instances one at a time', async () => {
    const inputs = [
      [5.1, 3.5, 1.4, 0.2],
      [6.3, 3.3, 6, 2.5],
    ];
    const singly = await foretell.client.predict('singly', { inputs });
    const batched = await foretell.client.predict('iris', { inputs });
    expect(singly).toMatchObject({ status: 'succeeded', batch_size: 1 });
    expect(singly.outputs).toEqual(batched.outputs);
  });

  it.each([
    ['typo', /typo\/model\.yaml:\d+: batching: .*max_batchsize/],
    ['labels', /4 labels, but the graph's probabilities has 3/],
    ['tensor', /names the input tensor feature, but the graph has features/],
  ])(
    '%s is refused with the reason, where the operator and the caller see it',
    async (name, reason) => {
      const refused = await foretell.client.post(`/v1/models/${name}/predict`, {
        input: [5.1, 3.5, 1.4, 0.2],
      });
      expect(refused.body).toMatchObject({ status: 503, code: 'model-unavailable' });
      expect(refused.body['detail']).toMatch(reason);
      expect(JSON.stringify((await foretell.client.get('/health')).body)).toMatch(reason);
      expect(JSON.stringify((await foretell.client.get(`/v1/models/${name}`)).body)).toMatch(
        reason,
      );
    },
  );
});

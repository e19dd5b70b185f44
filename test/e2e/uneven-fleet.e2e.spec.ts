import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';

describe('workers that are not alike', () => {
  let foretell: Installation;

  afterEach(async () => {
    await foretell.stop();
  });

  it('one that cannot serve a model leaves its jobs to one that can', async () => {
    foretell = await Installation.start({ MODELS_DIR: await modelsDir('iris') });
    const broken = await modelsDir();
    for (const version of ['1', '2']) {
      await mkdir(path.join(broken, 'iris', version), { recursive: true });
      await writeFile(path.join(broken, 'iris', version, 'model.onnx'), 'not a graph');
    }
    await foretell.add('worker', { MODELS_DIR: broken });
    const jobs = await Promise.all(
      Array.from({ length: 60 }, () =>
        foretell.client.submit('iris', { input: [5.1, 3.5, 1.4, 0.2] }),
      ),
    );
    for (const job of jobs) {
      expect(await foretell.client.ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
  });

  it('one that hangs is found out, and only the job that hangs it fails', async () => {
    foretell = await Installation.start({
      MODELS_DIR: await modelsDir('fixture:slow'),
      RUN_TIMEOUT_S: '1',
    });
    const { client } = foretell;
    const hanging = await client.submit('slow', { input: [4_000_000] });
    const others = await Promise.all(
      Array.from({ length: 5 }, () => client.submit('slow', { input: [1] })),
    );
    for (const job of others) expect((await client.ended(job)).status).toBe('succeeded');
    expect(await client.ended(hanging)).toMatchObject({
      status: 'failed',
      error: { code: 'execution-timeout' },
    });
  });
});

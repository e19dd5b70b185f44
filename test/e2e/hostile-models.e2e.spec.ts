import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';
import { modelsDir } from './support/models.js';
import { type Oddity, onnxModel, weights } from './support/onnx.js';

/** Not on Linux, so that there is something to fall back from. */
const ABSENT = 'dml';

const HOSTILE: Record<string, { content: Uint8Array | Oddity; reason: RegExp }> = {
  empty: { content: new Uint8Array(0), reason: /model\.onnx is empty/ },
  text: { content: Buffer.from('not a model\n'), reason: /no ONNX/ },
  truncated: { content: onnxModel().subarray(0, -9), reason: /cut short/ },
  no_graph: { content: Uint8Array.of(8, 10), reason: /does not have a graph/ },
  opset: { content: { opset: 999 }, reason: /Opset 999/ },
  ir_version: { content: { irVersion: 999 }, reason: /Unsupported model IR version: 999/ },
  operator: { content: { op: 'Frobnicate' }, reason: /No Op registered for Frobnicate/ },
  cyclic: { content: { cyclic: true }, reason: /not acyclic/ },
  huge_input: { content: { columns: 2 ** 40, dims: 1 }, reason: /are the most that can be sent/ },
  huge_weights: { content: { dims: 2 ** 40, columns: 2 ** 40 }, reason: /exceeds the 2147483648/ },
  parent: { content: { location: '../../secret.bin' }, reason: /secret\.bin is outside/ },
  absolute: { content: { location: '/etc/hosts' }, reason: /hosts has an absolute path/ },
  link: { content: { location: 'link.bin' }, reason: /link\.bin is outside/ },
  pipe: { content: { location: 'pipe.bin' }, reason: /pipe\.bin is no regular file/ },
  missing: { content: { location: 'missing.bin' }, reason: /missing\.bin cannot be found/ },
  short: { content: { location: 'short.bin', lengthBytes: 8 }, reason: /short\.bin has 3 bytes/ },
  shorter: { content: { location: 'short.bin' }, reason: /out of bounds/ },
};

async function add(dir: string, name: string, content: Uint8Array): Promise<string> {
  const folder = path.join(dir, name, '1');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'model.onnx'), content);
  return folder;
}

describe('models that are damaged or hostile', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const dir = await modelsDir('iris');
    await writeFile(path.join(dir, 'secret.bin'), weights());
    for (const [name, { content }] of Object.entries(HOSTILE)) {
      const bytes = content instanceof Uint8Array ? content : onnxModel(content);
      const folder = await add(dir, name, bytes);
      await symlink('../../secret.bin', path.join(folder, 'link.bin'));
      await writeFile(path.join(folder, 'short.bin'), 'abc');
      execFileSync('mkfifo', [path.join(folder, 'pipe.bin')]);
    }
    const sound = await add(dir, 'external', onnxModel({ location: 'w.bin', lengthBytes: 8 }));
    await writeFile(path.join(sound, 'w.bin'), weights());
    // As model.onnx it would be waited on for ever.
    await mkdir(path.join(dir, 'fifo/1'), { recursive: true });
    execFileSync('mkfifo', [path.join(dir, 'fifo/1/model.onnx')]);
    foretell = await Installation.start({
      MODELS_DIR: dir,
      EXECUTION_PROVIDERS: `${ABSENT},cpu`,
    });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it.each(Object.entries(HOSTILE))('%s fails with a plain reason', async (name, { reason }) => {
    const { body } = await foretell.client.get<{ versions: { reason: string }[] }>(
      `/v1/models/${name}`,
    );
    expect(body.versions).toMatchObject([{ state: 'failed' }]);
    expect(body.versions[0]?.reason).toMatch(reason);
    expect(body.versions[0]?.reason).not.toMatch(/\/tmp|onnxruntime|\.cc:/);
    const refused = await foretell.client.post(`/v1/models/${name}/predict`, { input: [1, 2] });
    expect(refused.body).toMatchObject({ status: 503, code: 'model-unavailable' });
  });

  it('a named pipe is no version', async () => {
    expect((await foretell.client.get('/v1/models/fifo')).status).toBe(404);
  });

  it('the others serve on, with external data too', async () => {
    const { client } = foretell;
    const flower = await client.predict('iris', { input: [5.1, 3.5, 1.4, 0.2] });
    expect(flower).toMatchObject({ status: 'succeeded', output: { label: 'setosa' } });
    const job = await client.predict('external', { inputs: [[1, 2]] });
    expect(job.outputs).toEqual([{ y: [11, 22] }]);
  });

  it('the digest of a version covers its external data', async () => {
    const sha256 = (content: string | Uint8Array) =>
      createHash('sha256').update(content).digest('hex');
    const model = sha256(onnxModel({ location: 'w.bin', lengthBytes: 8 }));
    const { body } = await foretell.client.get('/v1/models/external');
    const list = `${model}  model.onnx\n${sha256(weights())}  w.bin\n`;
    expect(body).toMatchObject({ versions: [{ sha256: sha256(list) }] });
  });

  it('what was fallen back from is in the log and on /health', async () => {
    const fellBack = /^dml: not in the ONNX Runtime .*; cpu is used instead$/;
    await foretell
      .app('worker')
      .line(({ model, line }) => model === 'iris' && fellBack.test(String(line)));
    expect((await foretell.client.get('/health')).body).toMatchObject({
      accelerators: ['cpu'],
      workers: [{ execution_providers: { asked: [ABSENT, 'cpu'], used: ['cpu'] } }],
    });
  });
});

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PbfWriter } from 'pbf';
import { checkModelFile, digestOf, modelFiles } from './external-data.js';

type Part = (pbf: PbfWriter) => void;

/** A message field of that number. */
function message(number: number, ...parts: Part[]): Part {
  return (pbf) => {
    pbf.writeMessage(number, (_, inner) => parts.forEach((part) => part(inner)), null);
  };
}

function text(number: number, value: string): Part {
  return (pbf) => {
    pbf.writeStringField(number, value);
  };
}

function bytes(parts: Part[]): Uint8Array {
  const pbf = new PbfWriter();
  parts.forEach((part) => part(pbf));
  return pbf.finish();
}

function entry(key: string, value: string): Part {
  return message(13, text(1, key), text(2, value));
}

/** A tensor as field `number` of what holds it. */
function external(number: number, location: string, ...more: Part[]): Part {
  return message(number, text(8, 'w'), entry('location', location), ...more);
}

const MODEL = { graph: 7, training: 20, function: 25 };
const GRAPH = { node: 1, initializer: 5, sparse: 15 };
const NODE = { attribute: 5 };

let dir: string;
let file: string;

/** Writes `dir/1/model.onnx`. */
async function model(...parts: Part[]): Promise<void> {
  await writeFile(file, bytes(parts));
}

async function withData(location: string, ...more: Part[]): Promise<void> {
  await model(message(MODEL.graph, external(GRAPH.initializer, location, ...more)));
}

function data(name: string): string {
  return path.join(dir, '1', name);
}

beforeEach(async () => {
  dir = await realpath(await mkdtemp(path.join(tmpdir(), 'foretell-external-')));
  await mkdir(path.join(dir, '1'));
  file = path.join(dir, '1/model.onnx');
  await writeFile(path.join(dir, 'secret.bin'), 'secret');
  await writeFile(data('w.bin'), '0123456789');
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

describe('external data that may be used', () => {
  it.each(['w.bin', './w.bin', 'sub/../w.bin', '../1/w.bin'])('%s', async (location) => {
    await mkdir(data('sub'));
    await withData(location, entry('offset', '2'), entry('length', '8'));
    await checkModelFile(file);
    expect(await modelFiles(file)).toEqual([file, data('w.bin')]);
  });

  it('a model and its data that are both links into one folder, as in a cache', async () => {
    await mkdir(path.join(dir, 'blobs'));
    await writeFile(path.join(dir, 'blobs/b'), 'weights');
    const graph = message(MODEL.graph, external(GRAPH.initializer, 'weights'));
    await writeFile(path.join(dir, 'blobs/a'), bytes([graph]));
    await symlink('../blobs/a', file);
    await symlink('../blobs/b', data('weights'));
    await checkModelFile(file);
    expect(await modelFiles(file)).toEqual([file, data('weights')]);
  });

  it('in a version folder that is a link', async () => {
    await withData('w.bin');
    await symlink('1', path.join(dir, '2'));
    await checkModelFile(path.join(dir, '2/model.onnx'));
  });

  it('is told apart from weights of any size in the file, which are passed over', async () => {
    const weights: Part = (pbf) => {
      pbf.writeBytesField(9, new Uint8Array(100_000).fill(0xff));
    };
    const initializer = message(GRAPH.initializer, text(8, 'v'), weights);
    await model(
      message(MODEL.graph, initializer, external(GRAPH.initializer, 'w.bin'), initializer),
    );
    expect(await modelFiles(file)).toEqual([file, data('w.bin')]);
  });
});

describe('external data that is refused', () => {
  it.each([
    ['../secret.bin', 'the external data secret.bin is outside of the version'],
    ['sub/../../secret.bin', 'outside of the version'],
    ['link.bin', 'the external data link.bin is outside of the version'],
    ['up/secret.bin', 'outside of the version'],
    ['/etc/hosts', 'the external data hosts has an absolute path'],
    ['nothing.bin', 'the external data nothing.bin cannot be found'],
    ['w.bin\0', 'cannot be found'],
    ['sub', 'the external data sub is no regular file'],
    ['pipe', 'the external data pipe is no regular file'],
    ['.', 'outside of the version'],
    ['*/_ORT_MEM_ADDR_/*', 'cannot be found'],
  ])('%s', async (location, reason) => {
    await mkdir(data('sub'));
    await symlink('../secret.bin', data('link.bin'));
    await symlink('..', data('up'));
    execFileSync('mkfifo', [data('pipe')]);
    await withData(location);
    await expect(checkModelFile(file)).rejects.toThrow(reason);
    expect(await modelFiles(file)).toEqual([file]);
  });

  it('for being too short', async () => {
    await withData('w.bin', entry('offset', '8'), entry('length', '8'));
    const reason = 'the external data w.bin has 10 bytes, and 16 are needed';
    await expect(checkModelFile(file)).rejects.toThrow(reason);
    expect(await modelFiles(file)).toEqual([file, data('w.bin')]);
  });

  const tensor = (number: number) => external(number, '../secret.bin');
  const attribute = (...parts: Part[]) =>
    message(MODEL.graph, message(GRAPH.node, message(NODE.attribute, ...parts)));
  const subgraph = (number: number) => message(number, tensor(GRAPH.initializer));
  it.each([
    ['an attribute', attribute(tensor(5))],
    ['an attribute of several', attribute(tensor(10))],
    ['a subgraph', attribute(subgraph(6))],
    ['one of several subgraphs', attribute(subgraph(11))],
    ['a sparse attribute', attribute(message(22, tensor(1)))],
    ['one of several sparse attributes', attribute(message(23, tensor(2)))],
    ['a sparse initializer', message(MODEL.graph, message(GRAPH.sparse, tensor(1)))],
    ['a function', message(MODEL.function, message(7, message(NODE.attribute, tensor(5))))],
    ["a function's default", message(MODEL.function, message(11, tensor(5)))],
    ['training', message(MODEL.training, message(2, tensor(GRAPH.initializer)))],
  ])('in %s', async (_where, part) => {
    await model(part);
    await expect(checkModelFile(file)).rejects.toThrow('outside of the version');
  });

  it('behind a harmless location of the same tensor', async () => {
    await withData('w.bin', entry('location', '../secret.bin'));
    await expect(checkModelFile(file)).rejects.toThrow('outside of the version');
  });
});

describe('files that are no models', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['empty', '', 'model.onnx is empty'],
    ['a text', 'not a model\n'.repeat(9), 'no ONNX'],
    ['zeros', new Uint8Array(99), 'no ONNX'],
    ['a length beyond the end', Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0x7f, 0), 'no ONNX'],
    ['a number without end', new Uint8Array(99).fill(0xff), 'no ONNX'],
  ])('%s', async (_what, content, reason) => {
    await writeFile(file, content);
    await expect(checkModelFile(file)).rejects.toThrow(reason);
    expect(await modelFiles(file)).toEqual([file]);
  });

  it('cut short anywhere', async () => {
    const whole = bytes([message(MODEL.graph, external(GRAPH.initializer, 'w.bin'))]);
    for (let length = 1; length < whole.length; length++) {
      await writeFile(file, whole.subarray(0, length));
      await expect(checkModelFile(file)).rejects.toThrow('cut short');
    }
  });

  it('too large', async () => {
    await writeFile(file, '');
    await truncate(file, 2 ** 31);
    await expect(checkModelFile(file)).rejects.toThrow('2 GiB');
  });

  it('nested without end', async () => {
    let graph = external(GRAPH.initializer, 'w.bin');
    for (let depth = 0; depth < 40; depth++) {
      graph = message(GRAPH.node, message(NODE.attribute, message(6, graph)));
    }
    await model(message(MODEL.graph, graph));
    await expect(checkModelFile(file)).rejects.toThrow('nested too deeply');
  });

  it('a folder, a named pipe', async () => {
    const pipe = path.join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(checkModelFile(pipe)).rejects.toThrow('pipe is no regular file');
    await expect(checkModelFile(dir)).rejects.toThrow('no regular file');
    await expect(digestOf([pipe])).rejects.toThrow('no regular file');
  });
});

describe('digestOf', () => {
  const sha256 = (content: string | Uint8Array) =>
    createHash('sha256').update(content).digest('hex');

  it('is the plain digest of a lone file', async () => {
    await writeFile(file, 'model');
    expect(await digestOf([file])).toBe(sha256('model'));
  });

  it('covers external data, by name', async () => {
    await writeFile(file, 'model');
    const list = `${sha256('model')}  model.onnx\n${sha256('0123456789')}  w.bin\n`;
    expect(await digestOf([file, data('w.bin')])).toBe(sha256(list));
  });
});

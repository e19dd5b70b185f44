import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  failedLine,
  jobProblem,
  type Padding,
  type TensorInfo,
  type VersionDescription,
} from '#libs/contracts';
import {
  type Batch,
  type CallParameters,
  InstanceError,
  openEncoder,
  outputKind,
} from '#libs/kinds';
import { ProcessingError } from '../errors.js';
import { type Engine, runBatch } from './batch-run.js';

/** What each run of an engine was given. */
interface Recording extends Engine {
  runs: unknown[][];
}

/** Doubles numbers, as many at a time as it bears; `refuse` fails a run. */
function doubling(maxRows: number, refuse: (run: unknown[]) => Error | null): Recording {
  const runs: unknown[][] = [];
  return {
    runs,
    maxRows,
    encoder: { sample: 0, encode: () => ({}) },
    decoder: {
      tensors: ['y'],
      decode: ({ y }, row) => JSON.stringify(y?.data[row]),
    },
    infer: (prepared) => {
      runs.push([...prepared]);
      const error = refuse([...prepared]);
      if (error) return Promise.reject(error);
      const data = new Float32Array(prepared.map((value) => 2 * (value as number)));
      return Promise.resolve({ y: { data, shape: [] } });
    },
  };
}

const outputsOf = (ran: Awaited<ReturnType<typeof runBatch>>) =>
  ran.slices.map(({ outputs }) => JSON.parse(`[${outputs}]`) as unknown[]);

describe('runBatch', () => {
  it('runs slices together, as many at a time as the graph bears, and keeps them apart', async () => {
    const sut = doubling(2, () => null);
    const ran = await runBatch(sut, ['\n1,\n2', '\n3']);
    expect(outputsOf(ran)).toEqual([[2, 4], [6]]);
    expect(sut.runs).toEqual([[1, 2], [3]]);
    expect(ran.slices.map(({ batchSize }) => batchSize)).toEqual([2, 1]);
    expect(ran.outOfMemory).toBe(false);
  });

  it('halves what fails until the instances that fail stand alone', async () => {
    const sut = doubling(8, (run) => (run.includes(3) ? new Error('no threes') : null));
    const ran = await runBatch(sut, ['\n1,\n2,\n3,\n4']);
    const failure = { error: { code: 'inference-failed', detail: 'no threes' } };
    expect(outputsOf(ran)).toMatchObject([[2, 4, failure, 8]]);
    expect(sut.runs).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
    expect(ran.slices).toMatchObject([{ done: 3, error: failure.error, batchSize: 2 }]);
    expect(ran.outOfMemory).toBe(false);
  });

  it('says when memory ran out in a run of several, and tries fewer', async () => {
    const sut = doubling(8, (run) => (run.length > 2 ? new Error('std::bad_alloc') : null));
    const ran = await runBatch(sut, ['\n1,\n2,\n3,\n4']);
    expect(outputsOf(ran)).toEqual([[2, 4, 6, 8]]);
    expect(ran.outOfMemory).toBe(true);
  });

  it('does not say so of a single instance: fewer there are not', async () => {
    const sut = doubling(8, () => new Error('std::bad_alloc'));
    const ran = await runBatch(sut, ['\n1']);
    expect(ran).toMatchObject({ outOfMemory: false, slices: [{ done: 0 }] });
  });

  it('neither prepares nor runs what has failed already', async () => {
    const problem = jobProblem('input-fetch-failed', 'It answered 404.');
    const plain = doubling(8, () => null);
    const prepare = (value: unknown) => Promise.resolve((value as number) + 10);
    for (const sut of [plain, { ...plain, encoder: { ...plain.encoder, prepare } }]) {
      const ran = await runBatch(sut, [`\n1,\n${failedLine(problem)}`, '\n3']);
      expect(outputsOf(ran)).toMatchObject([
        [expect.anything(), { error: problem }],
        [expect.anything()],
      ]);
      expect(ran.slices).toMatchObject([
        { done: 1, error: problem },
        { done: 1, error: null },
      ]);
    }
    expect(plain.runs).toEqual([
      [1, 3],
      [11, 13],
    ]);
  });

  it('leaves out of the run what could not be prepared', async () => {
    const plain = doubling(8, () => null);
    const prepare = (value: unknown) =>
      value === 2
        ? Promise.reject(new InstanceError('is torn'))
        : Promise.resolve((value as number) + 10);
    const sut = { ...plain, encoder: { ...plain.encoder, prepare } };
    const ran = await runBatch(sut, ['\n1,\n2,\n3']);
    const failure = { error: { code: 'invalid-input', detail: 'is torn' } };
    expect(outputsOf(ran)).toMatchObject([[22, failure, 26]]);
    expect(plain.runs).toEqual([[11, 13]]);
  });

  it('lets an answer that cannot be made fail alone', async () => {
    const plain = doubling(8, () => null);
    const decode = (_: Batch, row: number) => {
      if (row === 1) throw new InstanceError('is not finite');
      return 'true';
    };
    const sut = { ...plain, decoder: { ...plain.decoder, decode } };
    const ran = await runBatch(sut, ['\n1,\n2,\n3']);
    expect(ran.slices).toMatchObject([{ done: 2, error: { code: 'inference-failed' } }]);
  });
});

describe('runBatch with a processor', () => {
  const plain = doubling(8, (run) => (run.includes(-1) ? new Error('negative') : null));
  const processor = {
    preprocess: (value: unknown, { times }: CallParameters) =>
      value === 'bad'
        ? Promise.reject(new ProcessingError('no number'))
        : Promise.resolve(Number(value) * Number(times ?? 1)),
    postprocess: (text: string) =>
      text === '8'
        ? Promise.reject(new InstanceError('eight'))
        : Promise.resolve(JSON.stringify({ is: JSON.parse(text) as unknown })),
  };

  it('puts every instance through both, with its own parameters; each fails alone', async () => {
    const ran = await runBatch({ ...plain, processor }, [
      '{"times":3}\n"1",\n"bad"',
      '\n"4",\n"-1",\n"5"',
    ]);
    expect(outputsOf(ran)).toMatchObject([
      [{ is: 6 }, { error: { code: 'processing-failed', detail: 'no number' } }],
      [
        { error: { code: 'invalid-input', detail: 'eight' } },
        // What has failed is not finished as an answer would be.
        { error: { code: 'inference-failed' } },
        { is: 10 },
      ],
    ]);
    expect(ran.slices.map(({ done }) => done)).toEqual([1, 1]);
  });

  it('may do one of the two, and comes before the decoding of pictures', async () => {
    const prepare = (value: unknown) => Promise.resolve((value as number) + 10);
    const engine = { ...plain, encoder: { ...plain.encoder, prepare } };
    const { preprocess, postprocess } = processor;
    const outputs = async (only: Engine['processor']) =>
      outputsOf(await runBatch({ ...engine, processor: only }, ['\n1']));
    expect(await outputs({ preprocess })).toEqual([[22]]);
    expect(await outputs({ postprocess })).toEqual([[{ is: 22 }]]);
  });
});

const x: TensorInfo = { name: 'x', dtype: 'int64', shape: ['N', 'T'] };
const mask: TensorInfo = { name: 'mask', dtype: 'float32', shape: ['N', 'T'] };
const outputs: TensorInfo[] = [
  { name: 'running', dtype: 'float32', shape: ['N', 'T'] },
  { name: 'mean', dtype: 'float32', shape: ['N'] },
];

/** A graph of running sums and of the mean over what the mask leaves. */
async function sums({
  padding,
  maxRows,
}: {
  padding: Padding | undefined;
  maxRows: number;
}): Promise<Engine> {
  const inputs = padding?.mask === undefined ? [x] : [x, mask];
  const version = {
    model: 'm',
    version: '1',
    input: { kind: 'tensor' },
    output: { kind: 'tensor' },
    batching: { max_batch_size: maxRows, max_queue_delay_ms: 0, padding },
    tensors: { inputs, outputs },
  } as VersionDescription;
  const encoder = await openEncoder(version, inputs, '');
  return {
    maxRows,
    encoder,
    decoder: outputKind(version.output).openDecoder(version, outputs),
    infer: (prepared) => {
      const batch = encoder.encode(prepared, prepared.length);
      const values = Array.from(batch['x']?.data as BigInt64Array, Number);
      const length = batch['x']?.shape[0] ?? 0;
      const weights = (batch['mask']?.data ?? values.map(() => 1)) as ArrayLike<number>;
      const running = new Float32Array(values.length);
      const mean = prepared.map((_, row) => {
        let sum = 0;
        let weight = 0;
        for (let i = row * length; i < (row + 1) * length; i++) {
          running[i] = sum += (values[i] ?? 0) * (weights[i] ?? 0);
          weight += weights[i] ?? 0;
        }
        return sum / weight;
      });
      return Promise.resolve({
        running: { data: running, shape: [length] },
        mean: { data: new Float32Array(mean), shape: [] },
      });
    },
  };
}

describe('instances of different lengths', () => {
  const instance = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 12 });
  const slices = fc.array(fc.array(instance, { minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 4,
  });
  const padding: fc.Arbitrary<Padding> = fc.record({
    value: fc.integer({ min: -5, max: 5 }),
    buckets: fc.constantFrom(undefined, [1], [4, 8], [3, 16]),
    mask: fc.constant('mask'),
  });
  const graphs = fc.record({
    padding: fc.oneof(fc.constant(undefined), padding),
    maxRows: fc.integer({ min: 1, max: 8 }),
  });

  it('get in any company the answers that they get alone', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, slices, async (settings, jobs) => {
        const text = (instances: unknown[]) =>
          `\n${instances.map((value) => JSON.stringify(value)).join(',\n')}`;
        const together = outputsOf(await runBatch(await sums(settings), jobs.map(text))).flat();
        const plain = await sums({ padding: undefined, maxRows: 1 });
        const alone = [];
        for (const value of jobs.flat()) {
          alone.push(...outputsOf(await runBatch(plain, [text([value])])).flat());
        }
        expect(together).toEqual(alone);
      }),
    );
  });

  it('share runs only where they are filled up to one length', async () => {
    const sizes = async (padding: Padding | undefined) => {
      const ran = await runBatch(await sums({ padding, maxRows: 8 }), ['\n[1],\n[1,2],\n[1,2,3]']);
      return ran.slices[0]?.batchSize;
    };
    expect(await sizes(undefined)).toBe(1);
    expect(await sizes({ value: 0 })).toBe(3);
    expect(await sizes({ value: 0, buckets: [2, 4] })).toBe(2);
  });
});

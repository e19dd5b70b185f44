import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Decoder, type RunGraph } from './decoder.js';
import type { DecoderLayout } from './decoder-layout.js';
import { Generator } from './generator.js';
import type { GraphTensor } from './key-value-cache.js';
import { Sequence } from './sequence.js';

const VOCABULARY = 50;
/** A graph cannot bear this token. */
const POISON = 49;
const LAYOUT: DecoderLayout = {
  ids: 'int64',
  mask: 'int64',
  positions: 'int32',
  caches: [{ past: 'past', present: 'present', dtype: 'float32', heads: 2, size: 2 }],
};

interface Run {
  rows: number;
  columns: number;
}

/**
 * A decoder whose cache holds, for each column, its token and its place, and whose next token follows
 * from all of them: whatever is out of place or missing makes another text. Memory is for so many rows.
 */
class FakeGraph {
  readonly runs: Run[] = [];
  memory = Infinity;
  /** Called before each run. */
  before: (run: Run) => void = () => undefined;

  readonly run: RunGraph = async (feeds, outputs) => {
    // As a session does: messages come in between.
    await new Promise((resolve) => setImmediate(resolve));
    const ids = tensorOf(feeds, 'input_ids');
    const [rows = 0, columns = 0] = ids.dims;
    const run = { rows, columns };
    this.runs.push(run);
    this.before(run);
    if (rows > this.memory) throw new Error('Failed to allocate memory for requested buffer');
    if ((ids.data as BigInt64Array).includes(BigInt(POISON))) throw new Error('cannot bear it');
    const present = this.present(feeds, rows, columns);
    const logits = this.logits(present, tensorOf(feeds, 'attention_mask'), columns);
    return outputs.map((name) => (name === 'logits' ? logits : present));
  };

  private present(feeds: Readonly<Record<string, GraphTensor>>, rows: number, columns: number) {
    const past = tensorOf(feeds, 'past');
    const places = feeds['position_ids']?.data as Int32Array;
    const ids = feeds['input_ids']?.data as BigInt64Array;
    const before = past.dims[2] ?? 0;
    const total = before + columns;
    const data = new Float32Array(rows * 2 * total * 2);
    for (let block = 0; block < rows * 2; block++) {
      const old = (past.data as Float32Array).subarray(
        block * before * 2,
        (block + 1) * before * 2,
      );
      data.set(old, block * total * 2);
      for (let column = 0; column < columns; column++) {
        const at = (block * total + before + column) * 2;
        const fed = (block >> 1) * columns + column;
        data[at] = Number(ids[fed]);
        data[at + 1] = places[fed] ?? 0;
      }
    }
    return { type: 'float32', data, dims: [rows, 2, total, 2] } as const;
  }

  private logits({ data, dims }: GraphTensor, mask: GraphTensor, columns: number): GraphTensor {
    const [rows = 0, heads = 0, total = 0, size = 0] = dims;
    const scores = new Float32Array(rows * columns * VOCABULARY);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let column = 0; column < total; column++) {
        if (Number(mask.data[row * total + column]) === 0) continue;
        for (let head = 0; head < heads; head++) {
          const at = ((row * heads + head) * total + column) * size;
          const token = Number(data[at]);
          const place = Number(data[at + 1]);
          sum = (sum * 31 + token * 7 + place * 3 + head) % 9973;
        }
      }
      scores[((row + 1) * columns - 1) * VOCABULARY + (sum % POISON)] = 1;
    }
    return { type: 'float32', data: scores, dims: [rows, columns, VOCABULARY] };
  }
}

function tensorOf(feeds: Readonly<Record<string, GraphTensor>>, name: string): GraphTensor {
  const tensor = feeds[name];
  if (!tensor) throw new Error(`the graph is not given ${name}`);
  return tensor;
}

class Harness {
  readonly graph = new FakeGraph();
  readonly ended: string[] = [];
  readonly generator: Generator<Sequence>;
  private readonly names = new Map<Sequence, string>();
  private readonly waiting = new Map<Sequence, (end: string | Error) => void>();

  constructor(slots: number) {
    this.generator = new Generator({
      decoder: new Decoder(LAYOUT, this.graph.run),
      slots,
      decoded: (sequences) => {
        for (const sequence of sequences) {
          if (sequence.isFinished) this.end(sequence, sequence.result.text);
        }
      },
      failed: (sequence, error) => {
        this.end(sequence, error as Error);
      },
    });
  }

  /** @returns its text, or why there is none. */
  start(prompt: number[], maxTokens: number, about: { name?: string; deadlineMs?: number } = {}) {
    const { name = '', deadlineMs = Infinity } = about;
    const sequence = new Sequence({
      prompt,
      maxTokens,
      deadlineMs,
      temperature: 0,
      stop: [],
      seed: '',
      endTokens: new Set(),
      decode: (ids) => ids.map((id) => `${String(id)} `).join(''),
    });
    this.names.set(sequence, name);
    const end = new Promise<string | Error>((resolve) => this.waiting.set(sequence, resolve));
    this.generator.add(sequence);
    return { sequence, end };
  }

  private end(sequence: Sequence, end: string | Error): void {
    this.ended.push(this.names.get(sequence) ?? '');
    this.waiting.get(sequence)?.(end);
  }
}

const prompts = fc.array(fc.nat(POISON - 1), { minLength: 1, maxLength: 12 });
const jobs = fc.array(fc.tuple(prompts, fc.integer({ min: 1, max: 12 })), {
  minLength: 1,
  maxLength: 12,
});

async function alone(prompt: number[], maxTokens: number): Promise<string | Error> {
  return new Harness(1).start(prompt, maxTokens).end;
}

describe('Generator', () => {
  it('writes what each would have written alone, whoever joins and leaves', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, fc.integer({ min: 1, max: 5 }), async (all, slots) => {
        const harness = new Harness(slots);
        const ends = all.map(([prompt, maxTokens]) => harness.start(prompt, maxTokens).end);
        const expected = await Promise.all(all.map((job) => alone(...job)));
        expect(await Promise.all(ends)).toEqual(expected);
        expect(Math.max(...harness.graph.runs.map(({ rows }) => rows))).toBeLessThanOrEqual(slots);
      }),
      { numRuns: 40 },
    );
  });

  it('a short one that comes later ends first', async () => {
    const harness = new Harness(2);
    const long = harness.start([1], 50, { name: 'long' });
    const short = harness.start([2], 2, { name: 'short' });
    await Promise.all([long.end, short.end]);
    expect(harness.ended).toEqual(['short', 'long']);
  });

  it('reads a long prompt in parts, between the tokens of others', async () => {
    const harness = new Harness(2);
    const long = Array.from({ length: 1000 }, (_, i) => i % POISON);
    const reading = harness.start(long, 1, { name: 'long' });
    const other = harness.start([3], 3, { name: 'short' });
    await Promise.all([reading.end, other.end]);
    expect(harness.ended).toEqual(['short', 'long']);
    const columns = harness.graph.runs.map((run) => run.columns);
    expect(columns).toEqual([256, 1, 256, 1, 256, 1, 231, 1]);
    expect(await reading.end).toBe(await alone(long, 1));
  });

  it('one that is removed leaves at once, and lets the next one in', async () => {
    const harness = new Harness(1);
    const endless = harness.start([1], 1_000_000);
    harness.graph.before = ({ rows }) => {
      expect(rows).toBe(1);
      if (harness.graph.runs.length === 5) harness.generator.remove(endless.sequence);
    };
    const next = harness.start([2, 3], 2);
    expect(await next.end).toBe(await alone([2, 3], 2));
    // It has left while its fifth token was computed.
    expect(endless.sequence.generated).toBe(4);
    // Five of the first, then the prompt of the second and its two tokens.
    expect(harness.graph.runs).toHaveLength(8);
  });

  it('one that the graph cannot bear fails alone, in its prompt or later', async () => {
    const harness = new Harness(4);
    const good = [harness.start([1, 2, 3], 9), harness.start([4, 5], 4)];
    const bad = [harness.start([1, POISON, 3], 9), harness.start([POISON], 9)];
    for (const { end } of bad) expect(await end).toMatchObject({ message: 'cannot bear it' });
    expect(await good[0]?.end).toBe(await alone([1, 2, 3], 9));
    expect(await good[1]?.end).toBe(await alone([4, 5], 4));
  });

  it('where memory runs out fewer go on; the others follow, and nothing is lost', async () => {
    const harness = new Harness(8);
    const all = Array.from({ length: 8 }, (_, i) => harness.start([i, i + 1], 10));
    harness.graph.before = () => {
      if (harness.graph.runs.length === 4) harness.graph.memory = 3;
    };
    for (const [i, { end }] of all.entries()) {
      expect(await end).toBe(await alone([i, i + 1], 10));
    }
    expect(all.every(({ sequence }) => sequence.ranOutOfMemory)).toBe(true);
    const tooMany = harness.graph.runs.filter(({ rows }) => rows > 3);
    // Eight, then four of them; later one more each time that all went well.
    expect(tooMany.slice(0, 5).map(({ rows }) => rows)).toEqual([8, 8, 8, 8, 4]);
  });

  it('one whose time is up ends, wherever it is', async () => {
    const harness = new Harness(1);
    const late = harness.start([1], 1_000_000, { deadlineMs: performance.now() + 20 });
    const waiting = harness.start([2], 1, { deadlineMs: performance.now() - 1 });
    const next = harness.start([3], 2);
    expect(await late.end).toMatchObject({ name: 'SequenceTimeout' });
    expect(await waiting.end).toMatchObject({ name: 'SequenceTimeout' });
    expect(await next.end).toBe(await alone([3], 2));
  });
});

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { JobProblem, VersionDescription } from '#libs/contracts';
import type {
  BatchHandler,
  Piece,
  RanReply,
  ServedJob,
  VersionServer as VersionServerClass,
} from '#libs/inference';
import type { Runner as RunnerClass } from '../../../libs/inference/src/runner/runner.js';

const TEST = path.join(import.meta.dirname, '../..');
/** What was built, so that runners are processes as they are in production. */
const BUILT = path.join(TEST, '../dist/libs/inference/src');
const { Runner } = (await import(path.join(BUILT, 'runner/runner.js'))) as {
  Runner: typeof RunnerClass;
};
const { VersionServer } = (await import(path.join(BUILT, 'version-server.js'))) as {
  VersionServer: typeof VersionServerClass;
};

const FILE = path.join(TEST, 'fixtures/models/tiny_lm/1/model.onnx');
const PROCESS = {
  executionProviders: ['cpu'],
  threads: 1,
  loadTimeoutMs: 30_000,
  memoryLimitBytes: 0,
  onLine: () => undefined,
};
/** Nothing ends by itself within a test. */
const MINUTES_MS = 600_000;

/** A prompt and what is asked of it. */
export interface Asked {
  prompt: string;
  parameters?: Record<string, unknown>;
}

export interface Generated {
  text: string;
  finish_reason: 'stop' | 'length';
  usage: { prompt_tokens: number; completion_tokens: number };
}

export interface GoldenCase {
  prompt: string;
  max_tokens: number;
  output: Generated;
}

/** What another implementation makes of prompts, each by itself and without a cache. */
export async function goldenCases(): Promise<GoldenCase[]> {
  const text = await readFile(path.join(TEST, 'fixtures/golden/generation/tiny_lm.json'), 'utf8');
  return JSON.parse(text) as GoldenCase[];
}

/** Never ends by itself: it has no end token, and room for far more than a test waits for. */
export const ENDLESS: Asked = {
  prompt: 'Once upon a time',
  parameters: { temperature: 0, max_tokens: 500_000 },
};

/** The tiny decoder. @param endToken absent: nothing but its length ends a text. */
export function tinyDecoder(slots: number, endToken?: string): VersionDescription {
  return {
    model: 'tiny_lm',
    version: '1',
    input: { kind: 'text', tokenizer_file: 'tokenizer.json' },
    output: {
      kind: 'generation',
      context_length: 1_000_000,
      max_tokens: 500_000,
      default_max_tokens: 16,
      eos_token: endToken === undefined ? [] : [endToken],
      temperature: 1,
      repetition_penalty: 1,
    },
    batching: { max_batch_size: slots, max_queue_delay_ms: 0 },
    warmup: { batch_sizes: [] },
    instances: 1,
    lifecycle: { preload: true, keep_warm: 0, idle_unload_s: 0 },
    defaults: {},
    card: {},
  } as unknown as VersionDescription;
}

function sliceOf({ prompt, parameters = {} }: Asked): string {
  return `${JSON.stringify(parameters)}\n${JSON.stringify(prompt)}`;
}

/** A sequence in a runner. */
export class Running {
  readonly pieces: Piece[] = [];
  /** Its first text has come. */
  readonly begun: Promise<unknown>;
  readonly reply: Promise<RanReply>;
  private readonly ending = new AbortController();

  constructor(
    runner: RunnerClass,
    asked: Asked,
    { seed = 'a job/0', timeoutMs = MINUTES_MS } = {},
  ) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.begun = promise;
    this.reply = runner.run([sliceOf(asked)], timeoutMs, {
      seed,
      told: (piece) => {
        this.pieces.push(piece);
        resolve(undefined);
      },
      signal: this.ending.signal,
    });
    this.reply.catch(() => undefined);
  }

  cancel(): void {
    this.ending.abort();
  }

  get output(): Promise<Generated> {
    return this.reply.then(({ slices }) => JSON.parse(slices[0]?.outputs ?? '') as Generated);
  }
}

export function startRunner(description: VersionDescription): Promise<RunnerClass> {
  const { signal } = new AbortController();
  const options = { ...PROCESS, description, file: FILE, instance: 0, signal };
  return Runner.start(options, () => undefined);
}

/** A job of some prompts, as the engine sees it. */
export class PromptJob implements ServedJob {
  readonly count: number;
  readonly bytes = 100;
  readonly turn = 1;
  readonly priority = 'normal';
  readonly createdAt = Date.now();
  readonly takenAt = Date.now();
  readonly runBudgetMs = MINUTES_MS;
  readonly isTimed = false;
  readonly outputs: Generated[] = [];
  begun = Promise.withResolvers<undefined>();
  readonly ended = Promise.withResolvers<undefined>();
  solo = false;
  loadMs = 0;
  hasRun = false;
  isOver = false;
  interruptions = 0;
  problem: JobProblem | undefined;
  private readonly prompts: Asked[];

  constructor(
    readonly id: string,
    asked: Asked | Asked[],
    readonly runLimitMs = MINUTES_MS,
  ) {
    this.prompts = [asked].flat();
    this.count = this.prompts.length;
  }

  interrupted(): void {
    this.interruptions++;
    this.begun = Promise.withResolvers();
  }

  handBack(): void {
    this.isOver = true;
    this.ended.reject(new Error('handed back'));
  }

  slice(from: number): string {
    this.hasRun = true;
    const asked = this.prompts[from];
    return asked ? sliceOf(asked) : '';
  }

  add(from: number, outcome: RanReply['slices'][number]): void {
    if (outcome.error) this.problem = outcome.error;
    else this.outputs[from] = JSON.parse(outcome.outputs) as Generated;
    if (this.problem || this.outputs.flat().length === this.count) this.end();
  }

  end(): void {
    this.isOver = true;
    this.ended.resolve(undefined);
  }
}

/** Serves the tiny decoder to jobs in this process. */
export class TestServer {
  /** Batches that came to no end. */
  readonly lost: unknown[] = [];
  readonly errors: Error[] = [];
  readonly server: VersionServerClass<PromptJob>;

  constructor(readonly description: VersionDescription) {
    const handler: BatchHandler<PromptJob> = {
      begin: ({ slices }) => Promise.resolve(slices.map(({ job, from }) => job.slice(from))),
      told: ({ slices }) => {
        slices[0]?.job.begun.resolve(undefined);
      },
      finish: ({ slices }, reply) => {
        slices.forEach(({ job, from }, i) => {
          const outcome = reply.slices[i];
          if (outcome && !job.isOver) job.add(from, outcome);
        });
        return Promise.resolve();
      },
      lost: (_batch, error) => this.lost.push(error),
      fail: (jobs, problem) => {
        for (const job of jobs) {
          job.problem = problem;
          job.end();
        }
        return Promise.resolve();
      },
    };
    this.server = new VersionServer<PromptJob>({
      source: { description, file: FILE },
      handler,
      runner: () => PROCESS,
      makeRoom: () => Promise.resolve(),
      onError: (error) => this.errors.push(error),
      onRestart: () => undefined,
      onChange: () => undefined,
    });
  }

  submit(id: string, asked: Asked | Asked[], runLimitMs?: number): PromptJob {
    const job = new PromptJob(id, asked, runLimitMs);
    this.server.submit(job);
    return job;
  }

  /** As the worker does when a job is canceled. */
  cancel(job: PromptJob): void {
    job.end();
    this.server.withdraw(job);
  }

  /** Goes over to new runners. */
  reload(): Promise<void> {
    return this.server.update({ description: this.description, file: FILE }, true);
  }
}

import { GrowingText } from './growing-text.js';
import type { CachedRow } from './key-value-cache.js';
import { Random } from './random.js';
import { Sampler, type Sampling, type Scores } from './sampler.js';
import { StopSequences } from './stop-sequences.js';

export interface SequenceOptions extends Sampling {
  /** Token ids of the prompt, at least one. */
  prompt: readonly number[];
  /** Most tokens that are generated. */
  maxTokens: number;
  /** The text ends before the first of these. */
  stop: readonly string[];
  seed: string;
  /** Of `performance.now()`; it must have ended by then. */
  deadlineMs: number;
  /** Tokens that end it; they are no part of its text. */
  endTokens: ReadonlySet<number>;
  decode: (ids: readonly number[]) => string;
}

export type FinishReason = 'stop' | 'length';

/** What the caller gets of a sequence. */
export interface Generated {
  text: string;
  finish_reason: FinishReason;
  usage: { prompt_tokens: number; completion_tokens: number };
}

/** A text that is being generated. */
export class Sequence implements CachedRow {
  cached = 0;
  /** Most that were decoded together with it, itself included. */
  batchSize = 0;
  /** Memory ran out in a run of several that it was part of. */
  ranOutOfMemory = false;
  /** Of the prompt, then those that were generated. */
  readonly tokens: number[];
  /** Those of `tokens`, each once. */
  private readonly seen: Set<number>;
  readonly deadlineMs: number;
  private readonly sampler: Sampler;
  private readonly growing: GrowingText;
  private readonly stops: StopSequences;
  private text = '';
  private told = 0;
  private reason: FinishReason | undefined;

  constructor(private readonly options: SequenceOptions) {
    this.tokens = [...options.prompt];
    this.seen = new Set(options.prompt);
    this.deadlineMs = options.deadlineMs;
    this.sampler = new Sampler(options, new Random(options.seed));
    this.growing = new GrowingText(this.tokens, options.decode);
    this.stops = new StopSequences(options.stop);
  }

  /** It generates no more. */
  get isFinished(): boolean {
    return this.reason !== undefined;
  }

  /** Tokens that were generated; one that ended it is not counted. */
  get generated(): number {
    return this.tokens.length - this.options.prompt.length;
  }

  /** Takes the next token. @param scores by the graph; they are changed. @throws Error */
  accept(scores: Scores): void {
    const token = this.sampler.choose(scores, this.seen);
    if (this.options.endTokens.has(token)) {
      this.finish('stop');
      return;
    }
    this.tokens.push(token);
    this.seen.add(token);
    this.text += this.stops.push(this.growing.next());
    if (this.stops.isFound) this.reason = 'stop';
    else if (this.generated >= this.options.maxTokens) this.finish('length');
  }

  /** None of its text was taken. */
  get isSilent(): boolean {
    return this.told === 0;
  }

  /** Text that was not taken before. */
  takeText(): string {
    const text = this.text.slice(this.told);
    this.told = this.text.length;
    return text;
  }

  /** Once it is finished. */
  get result(): Generated {
    return {
      text: this.text,
      finish_reason: this.reason ?? 'length',
      usage: {
        prompt_tokens: this.options.prompt.length,
        completion_tokens: this.generated,
      },
    };
  }

  /** What was held back may still hold a stop sequence: half a character was, in its middle. */
  private finish(reason: FinishReason): void {
    this.text += this.stops.push(this.growing.rest());
    this.reason = this.stops.isFound ? 'stop' : reason;
    this.text += this.stops.rest();
  }
}

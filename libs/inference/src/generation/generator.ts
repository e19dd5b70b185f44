import { AdaptiveCap } from '../batching/adaptive-cap.js';
import { SequenceTimeout } from '../errors.js';
import { isOutOfMemory } from '../out-of-memory.js';
import { type Decoder, left } from './decoder.js';
import { emptyCache, gather, type KeyValueCache, release } from './key-value-cache.js';
import { readTogether } from './read-together.js';
import type { Sequence } from './sequence.js';

/**
 * Most tokens of one run that reads prompts: those that generate wait for it, so that a long prompt is
 * read in parts, between their tokens.
 */
const MAX_READ_TOKENS = 256;

export interface GeneratorOptions<S extends Sequence> {
  decoder: Decoder;
  /** Sequences at a time. */
  slots: number;
  /** A token was generated for each of these. Those that are finished have left. */
  decoded: (sequences: readonly S[]) => void;
  /** A sequence cannot go on, and has left. */
  failed: (sequence: S, error: unknown) => void;
}

/**
 * Continuous batching, as Orca introduced it (Yu et al., OSDI 2022): sequences are decoded together, a
 * token each at a time, and join and leave between two tokens. So a short one waits for no long one, and
 * the weights are read once for all. Where memory runs out fewer go on; the newest wait, and are read
 * again with what they have generated.
 */
export class Generator<S extends Sequence> {
  private readonly cap: AdaptiveCap;
  /** Nothing of these is in a cache. */
  private waiting: S[] = [];
  /** Prompts that are being read, those in one cache together; caches take turns. */
  private reading: KeyValueCache<S>[] = [];
  /** One cache, but after a run that failed. */
  private decoding: KeyValueCache<S>[] = [];
  /** Have left; their rows go before the next token. */
  private readonly gone = new WeakSet<S>();
  private isRunning = false;

  constructor(private readonly options: GeneratorOptions<S>) {
    this.cap = new AdaptiveCap(options.slots);
  }

  /** It joins between two tokens, as soon as there is a place. */
  add(sequence: S): void {
    this.waiting.push(sequence);
    if (this.isRunning) return;
    this.isRunning = true;
    // Those that come in the same turn of the event loop are read together.
    setImmediate(() => void this.generate());
  }

  /** It leaves before the next token. Nothing more is told of it. */
  remove(sequence: S): void {
    this.gone.add(sequence);
  }

  /** The event loop turns once for every run of the graph, so that who comes or goes is heard between two. */
  private async generate(): Promise<void> {
    try {
      for (;;) {
        this.expire();
        this.admit();
        if (this.reading.length === 0 && this.decoding.length === 0) return;
        await this.read();
        this.regroup();
        for (const cache of this.decoding.splice(0)) await this.decode(cache);
      }
    } finally {
      this.isRunning = false;
    }
  }

  private readonly isOpen = (sequence: S): boolean => !this.gone.has(sequence);

  private expire(): void {
    const nowMs = performance.now();
    const cached = [...this.reading, ...this.decoding].flatMap(({ rows }) => rows);
    for (const sequence of [...this.waiting, ...cached]) {
      if (sequence.deadlineMs < nowMs && this.isOpen(sequence)) {
        this.fail(sequence, new SequenceTimeout());
      }
    }
  }

  private admit(): void {
    this.waiting = this.waiting.filter(this.isOpen);
    const taken = [...this.reading, ...this.decoding].flatMap(({ rows }) => rows);
    const room = this.cap.rows - taken.filter(this.isOpen).length;
    const newcomers = this.waiting.splice(0, Math.max(0, room));
    for (const rows of readTogether(newcomers)) this.reading.push(emptyCache(this.layout, rows));
  }

  /** A part of the prompts of one cache. */
  private async read(): Promise<void> {
    const next = this.reading.findIndex((cache) => left(cache) > 0);
    const [cache] = next < 0 ? [] : this.reading.splice(next, 1);
    if (!cache) return;
    const columns = Math.min(left(cache), Math.ceil(MAX_READ_TOKENS / cache.rows.length));
    try {
      this.reading.push(await this.options.decoder.prefill(cache, columns));
    } catch (error) {
      this.reading.push(...this.halve(cache, error));
    }
  }

  /** Brings those together that are ready to be decoded, without those that have left. */
  private regroup(): void {
    const open = this.reading.map((cache) => this.only([cache], this.isOpen));
    const ready = open.filter((cache) => left(cache) === 0);
    this.reading = open.filter((cache) => left(cache) > 0);
    const caches = [...this.decoding, ...ready];
    const rows = caches.flatMap((cache) => cache.rows).filter(this.isOpen);
    const staying = new Set(rows.slice(0, this.cap.rows));
    this.decoding = staying.size === 0 ? [] : [this.only(caches, (row) => staying.has(row))];
    const others = rows.slice(this.cap.rows);
    for (const row of others) row.cached = 0;
    this.waiting.unshift(...others);
  }

  /** Of these caches only the rows that are wanted are left. */
  private only(caches: KeyValueCache<S>[], isWanted: (row: S) => boolean): KeyValueCache<S> {
    const gathered = gather(this.layout, caches, isWanted);
    for (const cache of caches) if (cache !== gathered) release(cache.tensors);
    return gathered;
  }

  private async decode(cache: KeyValueCache<S>): Promise<void> {
    let decoded;
    try {
      decoded = await this.options.decoder.decode(cache);
    } catch (error) {
      for (const half of this.halve(cache, error)) await this.decode(half);
      return;
    }
    this.decoding.push(decoded.cache);
    const taken: S[] = [];
    decoded.cache.rows.forEach((sequence, i) => {
      const scores = decoded.scores[i];
      if (!scores || this.gone.has(sequence)) return;
      sequence.batchSize = Math.max(sequence.batchSize, cache.rows.length);
      try {
        sequence.accept(scores);
        taken.push(sequence);
        if (sequence.isFinished) {
          this.gone.add(sequence);
          this.cap.succeeded(cache.rows.length);
        }
      } catch (error) {
        this.fail(sequence, error);
      }
    });
    decoded.release();
    this.options.decoded(taken);
  }

  /** A run that fails is halved until the sequence that fails stands alone; it leaves. */
  private halve(cache: KeyValueCache<S>, error: unknown): KeyValueCache<S>[] {
    const { rows } = cache;
    const [only] = rows;
    if (only && rows.length === 1) {
      if (this.isOpen(only)) this.fail(only, error);
      return [];
    }
    if (isOutOfMemory(error)) {
      this.cap.ranOutOfMemory(rows.length);
      for (const row of rows) row.ranOutOfMemory = true;
    }
    const first = new Set(rows.slice(0, rows.length >>> 1));
    return [true, false].map((isFirst) =>
      gather(this.layout, [cache], (row) => first.has(row) === isFirst),
    );
  }

  private fail(sequence: S, error: unknown): void {
    this.gone.add(sequence);
    this.options.failed(sequence, error);
  }

  private get layout() {
    return this.options.decoder.layout.caches;
  }
}

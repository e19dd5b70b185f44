import type { RanReply } from '../runner/protocol.js';
import type { Slices } from '../runner/slices.js';
import { Sequence, type SequenceOptions } from './sequence.js';

/** What a sequence was asked for by. */
export interface SequenceRequested {
  batch: number;
  /** Its only instance is the prompt. */
  slices: Slices;
  /** Times are of `performance.now()`. */
  arrivedMs: number;
  tokenizedMs: number;
}

/** A sequence, and what its reply is made of. */
export class RequestedSequence extends Sequence {
  constructor(
    readonly requested: SequenceRequested,
    options: SequenceOptions,
  ) {
    super(options);
  }

  get batch(): number {
    return this.requested.batch;
  }

  /** Once it is finished, or `error` has ended it. */
  ran(error?: unknown): Omit<RanReply, 'rssBytes'> {
    const { batch, slices, arrivedMs, tokenizedMs } = this.requested;
    const endedMs = performance.now();
    if (this.isFinished) slices.outputs[0] = JSON.stringify(this.result);
    else slices.fail(0, error);
    slices.batchSizes[0] = this.batchSize;
    return {
      type: 'ran',
      batch,
      slices: slices.outcomes(),
      timing: {
        preprocessMs: tokenizedMs - arrivedMs,
        inferenceMs: endedMs - tokenizedMs,
        postprocessMs: performance.now() - endedMs,
      },
      outOfMemory: this.ranOutOfMemory,
    };
  }
}

import { clock } from '#libs/clock';
import {
  joinLines,
  type JobProblem,
  type JobTiming,
  type Priority,
  problemInLine,
  splitLines,
  type StepTiming,
} from '#libs/contracts';
import type { RanReply, ServedJob, Slice, SliceOutcome } from '#libs/inference';
import {
  cachedResult,
  HandBack,
  isOfContent,
  type JobMessage,
  type JobResult,
  type Started,
  type TakenJob,
} from '#libs/jobs';
import type { Span } from '#libs/telemetry';
import { OrderedOutputs } from './ordered-outputs.js';

/** What comes after an instance but the last one, in the text of an input. */
const BETWEEN = ',\n';

/**
 * A job that this worker has taken from its queue: the text of its input, cut into the slices that
 * batches want, and the outputs of those, put together again in order.
 */
export class WorkerJob implements ServedJob {
  readonly id: string;
  readonly message: JobMessage;
  readonly takenAt: number;
  readonly count: number;
  /** Of its input, with the files that were fetched for it. */
  bytes: number;
  readonly shape: string | string[] | undefined;
  readonly turn: number;
  readonly priority: Priority;
  readonly createdAt: number;
  readonly startBy: number | undefined;
  solo: boolean;
  loadMs = 0;
  /** Who holds the newest fence may publish. 0 while its start is not written down. */
  fence = 0;
  /** How often it was started alone, by any worker, without coming to an end. */
  loneStarts = 0;
  /** How often its process has ended here while it was alone in it. */
  loneCrashes = 0;
  /** 1 is the first. */
  attempt: number;
  /** Ends when its start is written down; undefined before that was asked for. */
  starting: Promise<void> | undefined;
  /** Of its time here; undefined where it is not traced. */
  span: Span | undefined;
  /** Of a pipeline's job, once its steps are through. */
  steps: Record<string, StepTiming> | undefined;
  /** Takes what waits of it out of its batcher. */
  withdraw: () => void = () => undefined;
  readonly outputs = new OrderedOutputs();

  private text: string | undefined;
  private starts: number[] | undefined;
  private firstSentAt = 0;
  private missing: number;
  private done = 0;
  private error: JobProblem | undefined;
  private batchSize = 0;
  private readonly stages = { preprocessMs: 0, inferenceMs: 0, postprocessMs: 0 };
  private over = false;
  private otherContent = false;
  /** Time that the files of its instances took; undefined where none were fetched. */
  private fetchMs: number | undefined;

  /**
   * @param mostRunMs longest that it may compute, unless it says less itself.
   * @param resolve its end is published. @param reject with a HandBack.
   */
  constructor(
    readonly model: string,
    taken: TakenJob,
    private readonly mostRunMs: number,
    private readonly resolve: () => void,
    private readonly reject: (error: HandBack) => void,
  ) {
    const { message } = taken;
    this.id = message.id;
    this.message = message;
    this.takenAt = taken.takenAt;
    this.count = message.count;
    this.bytes = message.bytes;
    this.shape = message.shape;
    this.turn = message.turn;
    this.priority = message.priority ?? 'normal';
    this.createdAt = message.createdAt;
    this.startBy = message.startBy;
    this.text = message.input;
    this.missing = message.count;
    this.solo = taken.suspect;
    this.attempt = message.attempt ?? 1;
  }

  /** It has ended or gone back: what is still under way of it counts no more. */
  get isOver(): boolean {
    return this.over;
  }

  get isComplete(): boolean {
    return this.missing === 0;
  }

  /** When it first went to a runner, ms since the epoch; 0 before. */
  get sentAt(): number {
    return this.firstSentAt;
  }

  get hasRun(): boolean {
    return this.firstSentAt > 0;
  }

  /** See RunRequest; undefined where it has not been fetched. */
  get input(): string | undefined {
    return this.text;
  }

  get hasInput(): boolean {
    return this.text !== undefined;
  }

  /** Its start is written down, perhaps anew: then what was told of it counts no more. */
  begun({ fence, loneStarts, attempt, input }: Omit<Started, 'id'>): void {
    this.fence = fence;
    // A worker that died between writing an attempt down and queueing the next one left the message behind the record.
    this.attempt = attempt;
    this.loneStarts = loneStarts;
    this.text ??= input;
    this.outputs.forgetTold();
  }

  /** Its instances, a line of JSON each. */
  get lines(): string[] {
    return splitLines(this.text?.slice(this.text.indexOf('\n') + 1) ?? '');
  }

  /**
   * Goes on with these lines in place of its own. Where all are `failedLine`s, it is complete.
   * @param fetched what was fetched for them: bytes, and the time that it took.
   */
  replaceLines(lines: readonly string[], fetched: { bytes: number; ms: number }): void {
    const text = this.text ?? '';
    this.text = text.slice(0, text.indexOf('\n') + 1) + joinLines(lines);
    this.bytes += fetched.bytes;
    this.fetchMs = fetched.ms;
    const problems = lines.map(problemInLine);
    if (problems.includes(undefined)) return;
    const outputs = problems.map((error) => JSON.stringify({ error })).join(',');
    this.outputs.add(0, this.count, outputs);
    this.missing = 0;
    this.error = problems[0];
  }

  get runLimitMs(): number {
    return Math.min(this.message.executionTimeoutMs ?? Infinity, this.mostRunMs);
  }

  get runBudgetMs(): number {
    const { preprocessMs, inferenceMs, postprocessMs } = this.stages;
    const spentMs = (this.fetchMs ?? 0) + preprocessMs + inferenceMs + postprocessMs;
    return Math.max(1, this.runLimitMs - spentMs);
  }

  get isTimed(): boolean {
    return this.message.executionTimeoutMs !== undefined;
  }

  interrupted(): void {
    if (this.solo) this.loneCrashes++;
    this.starting = undefined;
  }

  ended(): void {
    this.over = true;
    if (!this.isComplete) this.withdraw();
    this.resolve();
  }

  handBack(delayMs = 0): void {
    this.over = true;
    this.reject(new HandBack(delayMs));
  }

  /** This attempt has failed, and the next one is to come after so long. */
  tryAgain(delayMs: number): void {
    this.over = true;
    this.reject(new HandBack(delayMs, this.attempt + 1));
  }

  /** A slice of it goes to a runner of a version with this content. */
  runsWith(content: string | undefined): void {
    const { cache } = this.message;
    if (cache && !isOfContent(cache.key, content)) this.otherContent = true;
  }

  /** Whether this is the result of all jobs like it: complete, and of the content that they ask for. */
  isTypical({ status, done }: JobResult): boolean {
    return status === 'succeeded' && done === this.count && !this.otherContent;
  }

  /** The text of a slice as the runner takes it. */
  slice({ from, to }: Slice<WorkerJob>): string {
    const text = this.text ?? '';
    this.firstSentAt ||= clock.now();
    if (from === 0 && to === this.count) return text;
    const starts = (this.starts ??= lineStarts(text));
    const end = to < this.count ? (starts[to] ?? 0) - BETWEEN.length : text.length;
    return text.slice(0, starts[0]) + text.slice(starts[from], end);
  }

  /** What a batch gave for a slice. */
  add({ from, to }: Slice<WorkerJob>, outcome: SliceOutcome, timing: RanReply['timing']): void {
    this.outputs.add(from, to, outcome.outputs);
    this.missing -= to - from;
    this.done += outcome.done;
    this.error ??= outcome.error ?? undefined;
    this.batchSize = Math.max(this.batchSize, outcome.batchSize);
    this.stages.preprocessMs += timing.preprocessMs;
    this.stages.inferenceMs += timing.inferenceMs;
    this.stages.postprocessMs += timing.postprocessMs;
  }

  /** One instance failing fails a job of one; of many, it only fails the job when all have failed. */
  result(): JobResult {
    if (this.done === 0 && this.error) {
      return {
        ...this.failed(this.error),
        ...(this.count > 1 ? { outputs: this.outputs.text } : {}),
      };
    }
    return {
      status: 'succeeded',
      outputs: this.outputs.text,
      done: this.done,
      timing: this.timing(),
      batchSize: this.batchSize,
    };
  }

  /** With the outputs of a job like it, JSON text of an array. */
  resultOfOther(outputs: string): JobResult {
    return cachedResult(outputs, this);
  }

  failed(error: JobProblem): JobResult {
    return { status: 'failed', error, done: 0, timing: this.timing(), batchSize: this.batchSize };
  }

  /** Clocks of two machines may differ a little: no stage takes less than nothing. */
  private timing(): JobTiming {
    const { takenAt, createdAt, stages } = this;
    const now = clock.now();
    return {
      queue_ms: Math.max(0, takenAt - createdAt),
      batch_wait_ms: Math.max(0, (this.firstSentAt || now) - takenAt),
      load_ms: this.loadMs,
      ...(this.fetchMs !== undefined && { fetch_ms: micro(this.fetchMs) }),
      preprocess_ms: micro(stages.preprocessMs),
      inference_ms: micro(stages.inferenceMs),
      postprocess_ms: micro(stages.postprocessMs),
      total_ms: Math.max(0, now - createdAt),
      ...(this.steps && { steps: this.steps }),
    };
  }
}

/** Where each instance begins: after the line of the parameters, a line each. */
function lineStarts(text: string): number[] {
  const starts: number[] = [];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function micro(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

import path from 'node:path';
import type { VersionDescription } from '#libs/contracts';
import {
  type GenerationOutput,
  generationOptions,
  InstanceError,
  ManifestMismatch,
  openTokenizer,
  type Tokenizer,
  type TokenizerSpec,
} from '#libs/kinds';
import type { Loaded, LoadRequest, RanReply, RunnerReply, RunRequest } from '../runner/protocol.js';
import { Session } from '../runner/session.js';
import { Slices } from '../runner/slices.js';
import { Generator, type GeneratorOptions } from './generator.js';
import { openDecoder } from './open-decoder.js';
import { RequestedSequence } from './requested-sequence.js';
import type { SequenceOptions } from './sequence.js';

/** Text is told so often at most, but for the first of a sequence and its last. */
const PIECES_MS = 20;

export interface GenerationModelOptions extends Pick<
  GeneratorOptions<RequestedSequence>,
  'decoder' | 'slots'
> {
  tokenizer: Tokenizer;
  settings: GenerationOutput;
  send: (reply: RunnerReply) => void;
  /** Resident memory of the process. */
  rssBytes: () => number;
}

/** A decoder, open and warm: takes prompts at any time, and tells what becomes of each. */
export class GenerationModel {
  private readonly generator: Generator<RequestedSequence>;
  private readonly open = new Map<number, RequestedSequence>();
  private readonly endTokens: ReadonlySet<number>;
  private toldMs = -Infinity;

  constructor(private readonly options: GenerationModelOptions) {
    const { decoder, slots, tokenizer, settings } = options;
    this.endTokens = endTokens(tokenizer, settings);
    this.generator = new Generator({
      decoder,
      slots,
      decoded: (sequences) => {
        this.tell(sequences);
        for (const sequence of sequences) if (sequence.isFinished) this.end(sequence);
      },
      failed: (sequence, error) => {
        this.end(sequence, error);
      },
    });
  }

  /** Opens, checks against the manifest, and warms up. @throws ModelLoadError, ManifestMismatch */
  static async load(
    request: LoadRequest,
    toParent: Pick<GenerationModelOptions, 'send' | 'rssBytes'>,
  ): Promise<{ model: GenerationModel; loaded: Loaded }> {
    const start = performance.now();
    const { input, output, processor, batching, warmup } = request.description;
    if (input.kind !== 'text') {
      throw new ManifestMismatch('output.kind generation needs input.kind text');
    }
    if (processor) throw new ManifestMismatch('output.kind generation takes no processor.mjs');
    const settings = output as GenerationOutput;
    const session = await Session.open(request);
    const { tensors, executionProvider } = session;
    const spec = input as unknown as TokenizerSpec;
    const tokenizer = await openTokenizer(path.dirname(request.file), spec);
    const slots = Math.max(1, batching.max_batch_size);
    const { decoder, samples } = await openDecoder(session, slots, warmup.batch_sizes);
    const model = new GenerationModel({ decoder, slots, tokenizer, settings, ...toParent });
    const loaded = {
      tensors,
      hooks: undefined,
      executionProvider,
      rowsPerRun: null,
      slots,
      samples,
      loadMs: performance.now() - start,
      rssBytes: toParent.rssBytes(),
    };
    return { model, loaded };
  }

  /** Takes a prompt; it is answered by `ran`, unless it is canceled. */
  run({ batch, slices: texts, sequence }: RunRequest): void {
    const arrivedMs = performance.now();
    const slices = new Slices(texts);
    try {
      const options = this.sequenceOptions(slices, sequence?.seed ?? '');
      const tokenizedMs = performance.now();
      const asked = new RequestedSequence(
        { batch, slices, arrivedMs, tokenizedMs },
        { ...options, deadlineMs: arrivedMs + (sequence?.timeoutMs ?? Infinity) },
      );
      this.open.set(batch, asked);
      this.generator.add(asked);
    } catch (error) {
      slices.fail(0, error);
      const timing = {
        preprocessMs: performance.now() - arrivedMs,
        inferenceMs: 0,
        postprocessMs: 0,
      };
      this.reply({ type: 'ran', batch, slices: slices.outcomes(), timing, outOfMemory: false });
    }
  }

  /** Ends a sequence; no reply follows. */
  cancel(batch: number): void {
    const sequence = this.open.get(batch);
    if (!sequence) return;
    this.open.delete(batch);
    this.generator.remove(sequence);
  }

  /** @throws InstanceError */
  private sequenceOptions(slices: Slices, seed: string): Omit<SequenceOptions, 'deadlineMs'> {
    const { tokenizer, settings } = this.options;
    const { context_length } = settings;
    const instance = slices.instances[0] as string | { text: string };
    const prompt = tokenizer.encode(typeof instance === 'string' ? instance : instance.text);
    if (prompt.length === 0) throw new InstanceError('The prompt has no tokens.');
    const room = context_length - prompt.length;
    if (room < 1) {
      throw new InstanceError(
        `The prompt has ${String(prompt.length)} tokens; with at least one more that is more than the ${String(context_length)} of the model's context.`,
      );
    }
    const asked = generationOptions(settings, slices.parameters[0] ?? {});
    return {
      ...asked,
      prompt,
      maxTokens: Math.min(asked.maxTokens, room),
      seed: String(asked.seed ?? seed),
      endTokens: this.endTokens,
      decode: (ids) => tokenizer.decode(ids),
    };
  }

  private tell(sequences: readonly RequestedSequence[]): void {
    const nowMs = performance.now();
    const isDue = nowMs - this.toldMs >= PIECES_MS;
    if (isDue) this.toldMs = nowMs;
    const pieces = sequences
      .filter((sequence) => isDue || sequence.isSilent || sequence.isFinished)
      .map((sequence) => ({
        batch: sequence.batch,
        text: sequence.takeText(),
        tokens: sequence.generated,
      }))
      .filter(({ text }) => text !== '');
    if (pieces.length > 0) this.options.send({ type: 'pieces', pieces });
  }

  private end(sequence: RequestedSequence, error?: unknown): void {
    this.open.delete(sequence.batch);
    this.reply(sequence.ran(error));
  }

  private reply(reply: Omit<RanReply, 'rssBytes'>): void {
    this.options.send({ ...reply, rssBytes: this.options.rssBytes() });
  }
}

/** @throws ManifestMismatch */
function endTokens(tokenizer: Tokenizer, { eos_token }: GenerationOutput): ReadonlySet<number> {
  const ids = eos_token.map((token) => {
    const id = tokenizer.idOf(token);
    if (id === undefined) throw new ManifestMismatch(`the tokenizer has no token ${token}`);
    return id;
  });
  return new Set(ids);
}

/** Whether a version is run by a GenerationModel. */
export function generates({ output }: VersionDescription): boolean {
  return output.kind === 'generation';
}

import { setTimeout as sleep } from 'node:timers/promises';
import { plainReason } from '../errors.js';
import { GenerationModel, generates } from '../generation/generation-model.js';
import { Model } from './model.js';
import { profile } from './profile.js';
import type { Loaded, LoadRequest, RunnerReply, RunnerRequest, RunRequest } from './protocol.js';

/** How old a reading of the process's memory may be: reading it takes longer than a small batch. */
const MEMORY_READ_MS = 1000;
/** What was observed is told so often. */
const OBSERVED_MS = 250;
/** Between parts of the reference, as a multiple of what a part takes: while callers wait, and while none do. */
const BUSY_PAUSE = 9;
const IDLE_PAUSE = 1;

/**
 * The runner process: one version of one model. It is a process of its own because a run blocks the
 * event loop, because native code can abort, and because its end returns all of its memory.
 */
let model: Model | undefined;
/** In place of the above, where sequences join and leave. */
let generation: GenerationModel | undefined;
let work: Promise<void> = Promise.resolve();
let waiting = 0;
let memory = { readAt: -Infinity, rssBytes: 0 };
let telling: NodeJS.Timeout | undefined;

async function handle(request: LoadRequest | RunRequest): Promise<RunnerReply> {
  if (request.type === 'load') {
    try {
      return { type: 'loaded', loaded: await load(request) };
    } catch (error) {
      return { type: 'load-failed', reason: plainReason(error) };
    }
  }
  if (!model) throw new Error('asked to run before the model was loaded');
  const ran = await model.run(request.slices, model.watch?.observer);
  if (model.watch) telling ??= setTimeout(tellObserved, OBSERVED_MS);
  return { type: 'ran', batch: request.batch, ...ran, rssBytes: rssBytes() };
}

async function load(request: LoadRequest): Promise<Loaded> {
  if (generates(request.description)) {
    const opened = await GenerationModel.load(request, { send, rssBytes });
    generation = opened.model;
    return opened.loaded;
  }
  const opened = await Model.load(request);
  model = opened.model;
  return opened.loaded;
}

function rssBytes(): number {
  const now = performance.now();
  if (now - memory.readAt > MEMORY_READ_MS) {
    memory = { readAt: now, rssBytes: process.memoryUsage.rss() };
  }
  return memory.rssBytes;
}

/** Not for a `processor.mjs`: some packages tell a parent that they find what this one would not understand. */
const toParent = process.send?.bind(process);
delete process.send;

function send(reply: RunnerReply): void {
  toParent?.(reply);
}

function tellObserved(): void {
  telling = undefined;
  const counts = model?.watch?.observer.take();
  if (counts) send({ type: 'observed', counts });
}

/** Strictly in order: a second batch waits here, so that the session never idles between two. */
function inTurn(task: () => Promise<void>): Promise<void> {
  work = work.then(task);
  return work;
}

async function profileReference(): Promise<void> {
  const between = (tookMs: number): Promise<void> =>
    sleep(tookMs * (waiting > 0 ? BUSY_PAUSE : IDLE_PAUSE));
  send({ type: 'profiled', ...(await profile(model, inTurn, between)) });
}

process.on('message', (request: RunnerRequest) => {
  if (request.type === 'profile') {
    void profileReference();
    return;
  }
  if (request.type === 'cancel') {
    generation?.cancel(request.batch);
    return;
  }
  if (generation && request.type === 'run') {
    generation.run(request);
    return;
  }
  waiting++;
  void inTurn(async () => {
    const reply = await handle(request);
    waiting--;
    send(reply);
  });
});

// The parent decides when a runner ends; a Ctrl-C, which reaches the whole process group, does not.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(0));

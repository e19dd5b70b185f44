import { plainReason } from '../errors.js';
import { Model } from './model.js';
import type { RunnerReply, RunnerRequest } from './protocol.js';

/** How old a reading of the process's memory may be: reading it takes longer than a small batch. */
const MEMORY_READ_MS = 1000;

/**
 * The runner process: one version of one model. It is a process of its own because a run blocks the
 * event loop, because native code can abort, and because its end returns all of its memory.
 */
let model: Model | undefined;
let work: Promise<void> = Promise.resolve();
let memory = { readAt: -Infinity, rssBytes: 0 };

async function handle(request: RunnerRequest): Promise<RunnerReply> {
  if (request.type === 'load') {
    try {
      const opened = await Model.load(request);
      model = opened.model;
      return { type: 'loaded', loaded: opened.loaded };
    } catch (error) {
      return { type: 'load-failed', reason: plainReason(error) };
    }
  }
  if (!model) throw new Error('asked to run before the model was loaded');
  const ran = await model.run(request.slices);
  return { type: 'ran', batch: request.batch, ...ran, rssBytes: rssBytes() };
}

function rssBytes(): number {
  const now = performance.now();
  if (now - memory.readAt > MEMORY_READ_MS) {
    memory = { readAt: now, rssBytes: process.memoryUsage.rss() };
  }
  return memory.rssBytes;
}

process.on('message', (request: RunnerRequest) => {
  // Strictly in order: a second batch waits here, so that the session never idles between two.
  work = work.then(async () => {
    const reply = await handle(request);
    process.send?.(reply);
  });
});

// The parent decides when a runner ends; a Ctrl-C, which reaches the whole process group, does not.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(0));

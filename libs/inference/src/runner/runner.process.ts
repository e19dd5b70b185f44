import { plainReason } from '../errors.js';
import { Model } from './model.js';
import type { RunnerReply, RunnerRequest } from './protocol.js';

/**
 * The runner process: one version of one model. It is a process of its own because a run blocks the
 * event loop, because native code can abort, and because its end returns all of its memory.
 */
let model: Model | undefined;
let work: Promise<void> = Promise.resolve();

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
  const { jobs, timing } = await model.run(request.jobs);
  return { type: 'ran', batch: request.batch, jobs, timing };
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

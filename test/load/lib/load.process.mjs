// The load generator: a process of its own, so that its cost can be told apart from what it measures.
import { runBurst } from './burst.mjs';
import { measureLatency } from './latency.mjs';

process.once('disconnect', () => process.exit(0));

process.on('message', (/** @type {any} */ { type, ...job }) => {
  const started = type === 'burst' ? runBurst(job) : measureLatency(job);
  started
    .catch((/** @type {Error} */ error) => ({ error: error.stack ?? error.message }))
    .then((answer) => process.send?.(answer));
});

// The load generator: a process of its own, so that its cost can be told apart from what it measures.
import { runBurst } from './burst.mjs';
import { measureLatency } from './latency.mjs';
import { runSteady } from './steady.mjs';

const KINDS = { burst: runBurst, latency: measureLatency, steady: runSteady };

process.once('disconnect', () => process.exit(0));

process.on('message', (/** @type {any} */ { type, ...job }) => {
  KINDS[/** @type {keyof typeof KINDS} */ (type)](job)
    .catch((/** @type {Error} */ error) => ({ error: error.stack ?? error.message }))
    .then((answer) => process.send?.(answer));
});

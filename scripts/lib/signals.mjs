/** A terminal's Ctrl-C reaches the whole process group, and npm may pass it on once more: within this time they are one. */
const SAME_MS = 2_000;

const PARENT_POLL_MS = 1_000;

/**
 * Listens for the signals that end a process. Under npm, npm's end counts as one: a TERM sent to it may reach only the shell
 * between it and us.
 *
 * @returns {{ first: Promise<NodeJS.Signals>, again: Promise<void> }} `again`: a second one, meant as such
 */
export function endingSignals() {
  /** @type {(signal: NodeJS.Signals) => void} */
  let onFirst;
  /** @type {() => void} */
  let onAgain;
  let firstAt = 0;
  const first = new Promise(
    (/** @type {(signal: NodeJS.Signals) => void} */ resolve) => (onFirst = resolve),
  );
  const again = new Promise((/** @type {(value: void) => void} */ resolve) => (onAgain = resolve));
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(name, () => {
      if (firstAt === 0) {
        firstAt = Date.now();
        onFirst(name);
      } else if (Date.now() - firstAt > SAME_MS) {
        onAgain();
      }
    });
  }
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      process.emit('SIGTERM');
    }, PARENT_POLL_MS);
    timer.unref();
  }
  return { first, again };
}

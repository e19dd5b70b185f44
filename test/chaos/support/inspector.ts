import type { App } from '../../e2e/support/installation.js';

/** Written to stderr once a debugger may connect. */
const LISTENING = /^Debugger listening on (ws:\/\/\S+)$/;

/** Settings of a process whose event loop can be blocked: SIGUSR1 opens a debugger, on a port of its own. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' };

/** Keeps the event loop of a process busy for so long: nothing else happens in it. Resolves when that is over. */
export async function blockEventLoop(app: App, ms: number): Promise<void> {
  app.kill('SIGUSR1');
  const line = await app.text((text) => LISTENING.test(text));
  const socket = new WebSocket(LISTENING.exec(line)?.[1] ?? '');
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  const expression = `for (const end = performance.now() + ${ms}; performance.now() < end; );`;
  const over = new Promise((resolve) =>
    socket.addEventListener('message', resolve, { once: true }),
  );
  socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }));
  await over;
  socket.close();
}

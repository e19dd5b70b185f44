import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const BINARIES = ['chromium', 'chromium-browser', 'google-chrome'];
const POLL_MS = 50;

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A Chromium of PATH; undefined where there is none. */
export function findBrowser(): string | undefined {
  const dirs = (process.env['PATH'] ?? '').split(delimiter);
  return BINARIES.flatMap((name) => dirs.map((dir) => join(dir, name))).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A page of a real browser, driven by the DevTools protocol. */
export class BrowserPage {
  /** What the page's Content-Security-Policy has kept from being loaded or run. */
  readonly refused: string[] = [];
  private readonly replies = new Map<number, (message: Message) => void>();
  private lastId = 0;
  private session: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
    private readonly socket: WebSocket,
  ) {
    socket.addEventListener('message', ({ data }) => {
      this.hear(JSON.parse(String(data)) as Message);
    });
  }

  static async open(binary: string): Promise<BrowserPage> {
    const profile = await mkdtemp(join(tmpdir(), 'foretell-browser-'));
    const child = spawn(
      binary,
      ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'].concat(
        '--remote-debugging-port=0',
        `--user-data-dir=${profile}`,
      ),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const socket = new WebSocket(await addressOf(child));
    await once(socket, 'open');
    const page = new BrowserPage(child, profile, socket);
    const { targetId } = await page.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.send('Target.attachToTarget', { targetId, flatten: true });
    page.session = String(sessionId);
    await page.send('Page.enable');
    await page.send('Log.enable');
    return page;
  }

  async goTo(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    return (result as { value: T }).value;
  }

  /** Waits for an expression to be true in whatever page is shown. */
  async until(expression: string): Promise<void> {
    for (;;) {
      // While one page gives way to the next there is nowhere to ask.
      const found = await this.evaluate<boolean>(expression).catch(() => false);
      if (found) return;
      await delay(POLL_MS);
    }
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.socket.close();
    this.child.kill('SIGKILL');
    await ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  private async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.lastId;
    const reply = new Promise<Message>((resolve) => this.replies.set(id, resolve));
    this.socket.send(JSON.stringify({ id, method, params, sessionId: this.session }));
    const { result, error } = await reply;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  private hear({ id, method, params, ...reply }: Message): void {
    if (id !== undefined) this.replies.get(id)?.(reply);
    if (method !== 'Log.entryAdded') return;
    const { text } = params?.['entry'] as { text: string };
    if (text.includes('Content Security Policy')) this.refused.push(text);
  }
}

async function addressOf({ stderr }: ChildProcess): Promise<string> {
  if (!stderr) throw new TypeError('stderr is not piped');
  const written: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address !== undefined) {
      stderr.resume();
      return address;
    }
    written.push(line);
  }
  throw new Error(`the browser did not start:\n${written.join('\n')}`);
}

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobView } from '#libs/contracts';
import { freePort } from '#libs/testing';
import type { Client } from './support/client.js';
import { Installation } from './support/installation.js';
import { heldOut } from './support/models.js';

const EXAMPLES = path.join(import.meta.dirname, '../../docs/guides/examples');
const KEY = 'a-key-of-the-guide';
const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`;
const PROGRAMS: Record<string, string> = { sh: 'bash', ts: process.execPath, py: 'python3' };
const languages = Object.keys(PROGRAMS).filter((name) => runs(PROGRAMS[name] ?? '', '--version'));

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Receivers of webhooks; one whose package is not there is left out. */
const receivers = [
  ...languages.filter((language) => language !== 'sh').map((language) => `callback.${language}`),
  'verify.ts',
  'verify-kit.ts',
  ...(runs('python3', '-c', 'import standardwebhooks') ? ['verify.py'] : []),
];

describe('the examples of the guides', () => {
  let foretell: Installation;
  let client: Client;

  beforeAll(async () => {
    foretell = await Installation.start({ API_KEYS: `guide:${KEY}`, WEBHOOK_SECRET: SECRET });
    client = foretell.client.withHeaders({ authorization: `Bearer ${KEY}` });
  });

  afterAll(async () => {
    await foretell.stop();
  });

  const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    FORETELL_URL: client.url.replace(/\/$/, ''),
    FORETELL_API_KEY: KEY,
    ...more,
  });

  /** @returns what it wrote, by lines. */
  const run = async (
    example: string,
    args: string[] = [],
    more: NodeJS.ProcessEnv = {},
  ): Promise<string[]> => {
    const program = PROGRAMS[example.split('.')[1] ?? ''] ?? '';
    const { stdout } = await promisify(execFile)(program, [path.join(EXAMPLES, example), ...args], {
      env: env(more),
    });
    return stdout.trim().split('\n');
  };

  it.each(languages)('poll.%s makes one job, however often it is run', async (language) => {
    const first = await run(`poll.${language}`, [`key-${language}`]);
    expect(first.join()).toMatch(/job_.*succeeded.*setosa/);
    expect(await run(`poll.${language}`, [`key-${language}`])).toEqual(first);
  });

  it.each(languages)('wait.%s', async (language) => {
    expect((await run(`wait.${language}`)).join()).toMatch(/succeeded.*setosa/);
  });

  it.each(languages.filter((language) => language !== 'sh'))('search.%s', async (language) => {
    expect(await run(`search.${language}`)).toEqual([expect.stringContaining('copies to print')]);
  });

  it.each(languages)(
    'stream.%s shows each event once, although the line breaks',
    async (language) => {
      const proxy = await breakingProxy(client.url);
      const lines = await run(`stream.${language}`, [], { FORETELL_URL: proxy.url });
      proxy.stop();
      expect(proxy.broken).toBe(1);
      expect(lines).toEqual([...new Set(lines)]);
      const events = lines.map((line) => {
        const [, event = '', data = ''] = /^(\w+) (.*)$/.exec(line) ?? [];
        return { event, data: JSON.parse(data) as Record<string, unknown> };
      });
      const outputs = events.flatMap(({ event, data }) =>
        event === 'output' ? (data['outputs'] as unknown[]) : [],
      );
      expect(outputs).toMatchObject([{ label: 'setosa' }, { label: 'virginica' }]);
      expect(events.at(-1)).toMatchObject({ event: 'end', data: { status: 'succeeded', outputs } });
    },
  );

  describe('of texts that are generated', () => {
    const lastText = async () => {
      const { body } = await client.get<{ data: JobView[] }>('/v1/jobs?model=austen&limit=1');
      const { output } = await client.ended(body.data[0] ?? { id: '' });
      return (output as { text: string }).text.trim();
    };

    it('generate.sh prints one as it grows', async () => {
      expect((await run('generate.sh')).join('\n')).toBe(await lastText());
    });

    it('generate.ts goes on where the line broke', async () => {
      const proxy = await breakingProxy(client.url);
      const lines = await run('generate.ts', ['The family'], { FORETELL_URL: proxy.url });
      proxy.stop();
      expect(proxy.broken).toBe(1);
      expect(lines.pop()).toBe('succeeded');
      expect(lines.join('\n')).toBe(await lastText());
    });
  });

  it.each(receivers)('%s hears of a job, and believes nobody else', async (example) => {
    const port = await freePort();
    const program = PROGRAMS[example.split('.')[1] ?? ''] ?? '';
    const receiver = spawn(program, [path.join(EXAMPLES, example)], {
      env: env({ PORT: String(port), WEBHOOK_SECRET: SECRET }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const line = linesOf(receiver);
      expect(await line()).toBe('listening');
      const url = `http://127.0.0.1:${port}/hook`;
      const forged = await fetch(url, {
        method: 'POST',
        headers: {
          'webhook-id': 'msg_1',
          'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
          'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
        },
        body: '{"type": "job.succeeded", "data": {"id": "job_1", "output": null}}',
      });
      expect(forged.status).toBe(401);
      const { id } = JSON.parse((await run('callback.sh', [url])).join()) as JobView;
      expect(await line()).toMatch(new RegExp(`^msg_\\S+ job.succeeded ${id} setosa$`));
    } finally {
      receiver.kill();
    }
  });

  it.each(languages.filter((language) => language !== 'ts'))(
    'detect.%s finds the digits of a scene',
    async (language) => {
      const [row] = (await heldOut('digit-detector')).rows;
      const scene = path.join(await mkdtemp(path.join(tmpdir(), 'foretell-')), 'scene.png');
      await writeFile(scene, Buffer.from(row?.input as string, 'base64'));
      const said = (await run(`detect.${language}`, [scene])).join();
      for (const { label } of row?.expected as unknown as { label: string }[]) {
        expect(said).toMatch(new RegExp(`\\b${label}\\b.*0\\.\\d+.*\\[`));
      }
    },
  );

  it.each(languages)('list.%s', async (language) => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const metadata = { order: language };
      ids.unshift((await client.predict('iris', { input: [1, 2, 3, 4], metadata })).id);
    }
    const listed = (await run(`list.${language}`, [language])).join();
    expect([...new Set(listed.match(/job_\w{26}/g))]).toEqual(ids);
  });

  describe('with jobs that wait, for there is no worker', () => {
    beforeAll(async () => {
      const worker = foretell.app('worker');
      worker.kill('SIGTERM');
      await worker.ended;
    });

    it('cancel-retry and clocks', async () => {
      const retried = await Promise.all(
        languages.map(async (language) => {
          const { id } = await client.submit('iris', { input: [5.1, 3.5, 1.4, 0.2] });
          return { id, lines: run(`cancel-retry.${language}`, [id]) };
        }),
      );
      for (const { id } of retried) {
        await client.until<JobView>(
          `/v1/jobs/${id}`,
          ({ body }) => body.attempt_history.length === 1,
        );
      }
      const clocks = languages.map((language) => run(`clocks.${language}`));
      const lists = `/v1/jobs?status=queued`;
      await client.until<{ data: unknown[] }>(
        lists,
        ({ body }) => body.data.length === 2 * languages.length,
      );
      await foretell.add('worker');
      for (const { lines } of retried) {
        expect((await lines).join()).toMatch(/canceled.*queued.*succeeded.*canceled/);
      }
      for (const lines of clocks) {
        expect((await lines).join()).toMatch(/place [1-6] .*succeeded/s);
      }
    });
  });
});

/** Reads what a process writes, a line at a time. */
function linesOf(child: ChildProcess): () => Promise<string> {
  if (!child.stdout) throw new TypeError('stdout is not piped');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => String((await lines.next()).value);
}

/** Passes requests on, but breaks the first stream of events after its first event. */
async function breakingProxy(target: string) {
  let broken = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, headers } = incoming;
    const { host } = new URL(target);
    const url = new URL(incoming.url ?? '', target);
    const passed = request(url, { method, headers: { ...headers, host } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (broken > 0 || answer.headers['content-type'] !== 'text/event-stream') {
        answer.pipe(outgoing);
        return;
      }
      broken++;
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const [first] = /^[^]*?\ndata: .*\n\n/.exec(text) ?? [];
        if (first === undefined) return;
        answer.removeAllListeners('data').destroy();
        // A part of the next one is not an event yet.
        outgoing.write(`${first}event: outp`, () => outgoing.destroy());
      });
    });
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get broken() {
      return broken;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

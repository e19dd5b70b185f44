import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './redis.js';

const require = createRequire(import.meta.url);
const BUCKET = 'payloads';

/** An S3 of a test's own, with an empty bucket. It takes every signature of the key that it knows. */
export interface TestS3 {
  /** A STORE_URL. */
  url: string;
  /** AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. */
  credentials: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  /** Away until `comeBack`, with all that is stored. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Takes connections and answers nothing, until `goOn`. */
  hang(): void;
  goOn(): void;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}

/** Starts s3rver on the loopback. */
export async function startTestS3(): Promise<TestS3> {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'foretell-s3-'));
  let child = await run(directory, port);
  return {
    url: `s3://${BUCKET}/some/prefix?endpoint=http://127.0.0.1:${String(port)}`,
    credentials: { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' },
    goAway: () => end(child),
    comeBack: async () => {
      child = await run(directory, port);
    },
    hang: () => child.kill('SIGSTOP'),
    goOn: () => child.kill('SIGCONT'),
    stop: async () => {
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A process of its own: in a test's it would log after the end. */
async function run(directory: string, port: number): Promise<ChildProcess> {
  const entry = require.resolve('s3rver/bin/s3rver.js');
  const child = spawn(
    process.execPath,
    ['--no-deprecation', entry, '--directory', directory, '--configure-bucket', BUCKET].concat([
      '--address',
      '127.0.0.1',
      '--port',
      String(port),
      '--no-vhost-buckets',
    ]),
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  await untilListening(child.stdout);
  child.stdout.resume();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function untilListening(output: NodeJS.ReadableStream): Promise<void> {
  for await (const line of createInterface({ input: output })) {
    if (line.includes('listening')) return;
  }
  throw new Error('s3rver did not start');
}

import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { scriptText } from '../../../libs/jobs/src/script.js';
import type { Matches } from './fault.proxy.js';

const OURS = path.join(import.meta.dirname, '../../../libs/jobs/src');
const { resolve } = createRequire(import.meta.url);
const BULLMQ = path.join(path.dirname(resolve('bullmq')), 'scripts');

/** Commands that run a script, whole or by its digest. @param name of ours, its file, `publish-batch`; BullMQ's, `moveToActive`. */
export function runs(name: string): Matches {
  const digests = new Set(textsOf(name).map((text) => digestOf(text, 'utf8')));
  return ({ name: command, args: [first = ''] }) =>
    digests.has(
      command === 'EVAL' ? digestOf(first, 'latin1') : command === 'EVALSHA' ? first : '',
    );
}

/** What stands before scripts of ours; which it is, its room knows. */
const BEFORE = ['', ...['moves.lua', 'deliveries/lanes.lua'].map(scriptText)];

function textsOf(name: string): string[] {
  const [ours] = globSync(`**/${name}.lua`, { cwd: OURS });
  if (ours !== undefined) return BEFORE.map((before) => before + scriptText(ours));
  const [theirs] = globSync(`${name}-*.js`, { cwd: BULLMQ });
  if (theirs === undefined) throw new Error(`there is no script ${name}`);
  const text = /const content = `([^]*?)`;/.exec(readFileSync(path.join(BULLMQ, theirs), 'utf8'));
  return [text?.[1] ?? ''];
}

function digestOf(text: string, encoding: BufferEncoding): string {
  return createHash('sha1').update(text, encoding).digest('hex');
}

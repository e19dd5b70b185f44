import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ENDLESS,
  type Generated,
  goldenCases,
  type GoldenCase,
  Running,
  startRunner,
  TestServer,
  tinyDecoder,
} from './support/generation.js';
import { runners } from './support/installation.js';

const END = '<|endoftext|>';
const SLOTS = 4;

function greedily({ prompt, max_tokens }: GoldenCase) {
  return { prompt, parameters: { temperature: 0, max_tokens } };
}

/** One that no end token ends. */
function ofFullLength(golden: GoldenCase[]): GoldenCase {
  const found = golden.find(({ output }) => output.finish_reason === 'length');
  if (!found) throw new Error('all of them are ended by a token');
  return found;
}

function textOf({ pieces }: Running): string {
  return pieces.map(({ text }) => text).join('');
}

describe('sequences in a runner process', () => {
  let golden: GoldenCase[];
  let runner: Awaited<ReturnType<typeof startRunner>>;

  beforeEach(async () => {
    golden = await goldenCases();
  });

  afterEach(() => {
    runner.kill();
  });

  it('alone and without company: what another implementation computes without a cache', async () => {
    runner = await startRunner(tinyDecoder(SLOTS, END));
    for (const one of golden) {
      const running = new Running(runner, greedily(one));
      expect(await running.output).toEqual(one.output);
      expect(textOf(running)).toBe(one.output.text);
    }
  });

  it('the same in company, while others join and leave', async () => {
    runner = await startRunner(tinyDecoder(SLOTS, END));
    // More than there are slots: each that ends lets another one in.
    const all = golden.map((one) => new Running(runner, greedily(one)));
    const replies = await Promise.all(all.map(({ reply }) => reply));
    for (const [i, running] of all.entries()) {
      expect(await running.output).toEqual(golden[i]?.output);
      expect(textOf(running)).toBe(golden[i]?.output.text);
    }
    const sizes = replies.map(({ slices }) => slices[0]?.batchSize ?? 0);
    expect(Math.max(...sizes)).toBe(SLOTS);
  });

  it('a long one holds up no short one, and a canceled one lets the next one in', async () => {
    runner = await startRunner(tinyDecoder(2));
    const endless = [new Running(runner, ENDLESS), new Running(runner, ENDLESS)] as const;
    await Promise.all(endless.map(({ begun }) => begun));
    const one = ofFullLength(golden);
    const waiting = new Running(runner, greedily(one));
    endless[0].cancel();
    await expect(endless[0].reply).rejects.toThrow('the job is over');
    expect(await waiting.output).toEqual(one.output);
    // The other one has gone on all the while.
    const answered: unknown[] = [];
    void endless[1].reply.then(
      () => answered.push('ended'),
      () => answered.push('canceled'),
    );
    expect(await new Running(runner, greedily(one)).output).toEqual(one.output);
    expect(answered).toEqual([]);
    endless[1].cancel();
    await expect(endless[1].reply).rejects.toThrow('the job is over');
  });

  it('chance follows from the seed alone, whatever the company', async () => {
    runner = await startRunner(tinyDecoder(SLOTS));
    const sampled = { temperature: 1, top_k: 50, top_p: 0.95, max_tokens: 60 };
    const one = { prompt: 'a', parameters: { ...sampled, seed: 7 } };
    const alone = await new Running(runner, one).output;
    const company = ['b', 'longer than it', 'c'].map((prompt, i) => {
      return new Running(runner, { prompt, parameters: { ...sampled, seed: i } });
    });
    const inCompany = new Running(runner, one, { seed: 'another job/3' });
    expect(await inCompany.output).toEqual(alone);
    await Promise.all(company.map(({ reply }) => reply));
    const unsaid = { prompt: 'a', parameters: sampled };
    const texts = new Set<string>();
    for (const seed of ['job/0', 'job/0', 'job/1']) {
      texts.add((await new Running(runner, unsaid, { seed }).output).text);
    }
    expect(texts.size).toBe(2);
    expect(texts).not.toContain(alone.text);
  });

  it('pieces count their tokens, and never tell what a stop sequence ends', async () => {
    runner = await startRunner(tinyDecoder(SLOTS));
    const [one] = golden.filter(({ prompt }) => prompt === '1 + 1 =') as [GoldenCase];
    const whole = one.output.text;
    // Within one token and across several.
    const at = whole.indexOf('und');
    const stop = whole.slice(at + 1, at + 8);
    const asked = greedily(one);
    const running = new Running(runner, {
      ...asked,
      parameters: { ...asked.parameters, stop: ['not there', stop] },
    });
    const output = await running.output;
    expect(output).toMatchObject({ text: whole.slice(0, at + 1), finish_reason: 'stop' });
    expect(textOf(running)).toBe(output.text);
    const counts = running.pieces.map(({ tokens }) => tokens);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBeLessThanOrEqual(output.usage.completion_tokens);
  });

  it('one that takes too long ends by itself; the others and the process go on', async () => {
    runner = await startRunner(tinyDecoder(SLOTS));
    const late = new Running(runner, ENDLESS, { timeoutMs: 50 });
    const endless = new Running(runner, ENDLESS);
    const { slices } = await late.reply;
    expect(slices[0]).toMatchObject({ done: 0, error: { code: 'execution-timeout' } });
    const one = ofFullLength(golden);
    expect(await new Running(runner, greedily(one)).output).toEqual(one.output);
    endless.cancel();
  });

  it('a prompt that leaves no room fails alone', async () => {
    const description = tinyDecoder(SLOTS);
    runner = await startRunner({
      ...description,
      output: { ...description.output, context_length: 20 } as never,
    });
    const long = new Running(runner, { prompt: 'x'.repeat(20) });
    const fits = new Running(runner, { prompt: 'x'.repeat(18), parameters: { max_tokens: 10 } });
    expect((await long.reply).slices[0]).toMatchObject({
      done: 0,
      error: { code: 'invalid-input', detail: expect.stringContaining('20 tokens') as unknown },
    });
    expect(await fits.output).toMatchObject({
      finish_reason: 'length',
      usage: { prompt_tokens: 18, completion_tokens: 2 },
    });
  });
});

describe('jobs of a version with slots', () => {
  let test: TestServer;
  const short = { prompt: 'a', parameters: { temperature: 0, max_tokens: 8 } };

  async function start(slots: number): Promise<void> {
    test = new TestServer(tinyDecoder(slots));
    await test.server.start();
  }

  afterEach(async () => {
    await test.server.abort();
  });

  it('cancel frees the slot for the job that waits', async () => {
    await start(1);
    const endless = test.submit('endless', ENDLESS);
    await endless.begun.promise;
    const next = test.submit('next', short);
    test.cancel(endless);
    await next.ended.promise;
    expect(next.outputs).toHaveLength(1);
    expect(test.errors).toEqual([]);
  });

  it('prompts of one job run side by side, and come back in order', async () => {
    await start(3);
    const prompts = ['a', 'bc', 'd', 'efg', 'h'].map((prompt) => ({ ...short, prompt }));
    const job = test.submit('many', prompts);
    await job.ended.promise;
    const alone: Generated[] = [];
    for (const prompt of prompts) {
      const one = test.submit('one', prompt);
      await one.ended.promise;
      alone.push(...one.outputs);
    }
    expect(job.outputs).toEqual(alone);
  });

  function killRunner(): void {
    const [pid = 0] = runners(process.pid);
    // Not SIGKILL, which looks as if memory had run out: then fewer run together for a while.
    process.kill(pid, 'SIGSEGV');
  }

  it('the process dies: those that it had run again together, and say what they would have said', async () => {
    await start(4);
    const sampled = { prompt: 'a', parameters: { max_tokens: 400 } };
    const undisturbed = test.submit('job', sampled);
    await undisturbed.ended.promise;
    const endless = test.submit('endless', ENDLESS);
    await endless.begun.promise;
    // Before the job, which would end while it is looked up.
    const [pid = 0] = runners(process.pid);
    const job = test.submit('job', sampled);
    await job.begun.promise;
    process.kill(pid, 'SIGKILL');
    await job.ended.promise;
    expect(job.outputs).toEqual(undisturbed.outputs);
    expect(job).toMatchObject({ solo: false, interruptions: 1 });
    test.cancel(endless);
  });

  it('it dies again: those that were there both times run alone, the others together', async () => {
    await start(4);
    const twice = test.submit('twice', ENDLESS);
    await twice.begun.promise;
    killRunner();
    while (twice.interruptions === 0) await new Promise(setImmediate);
    const once = test.submit('once', ENDLESS);
    await Promise.all([twice.begun.promise, once.begun.promise]);
    killRunner();
    while (twice.interruptions === 1) await new Promise(setImmediate);
    // Alone, it would keep the other one from running for as long as the test takes.
    await twice.begun.promise;
    test.cancel(twice);
    await once.begun.promise;
    expect([twice, once].map(({ solo }) => solo)).toEqual([true, false]);
    test.cancel(once);
  });

  it('a process that hangs is ended, and so is the job whose time is up', async () => {
    await start(2);
    const job = test.submit('late', ENDLESS, 1000);
    await job.begun.promise;
    const [pid = 0] = runners(process.pid);
    process.kill(pid, 'SIGSTOP');
    // Run again, alone, it is ended by its process.
    await job.ended.promise;
    expect(job).toMatchObject({ interruptions: 1, problem: { code: 'execution-timeout' } });
    expect(runners(process.pid)).not.toContain(pid);
  });

  it('a version that changes finishes what it has begun, and serves the next with new runners', async () => {
    await start(2);
    const job = test.submit('old', { ...short, parameters: { max_tokens: 2000 } });
    await job.begun.promise;
    const before = runners(process.pid);
    const reloaded = test.reload();
    await Promise.all([job.ended.promise, reloaded]);
    expect(job.outputs[0]?.usage.completion_tokens).toBe(2000);
    const next = test.submit('new', short);
    await next.ended.promise;
    expect(runners(process.pid)).not.toEqual(before);
    expect(test.lost).toEqual([]);
  });

  it('stopping finishes what has begun and hands back what has not', async () => {
    await start(1);
    const job = test.submit('begun', { ...short, parameters: { max_tokens: 1000 } });
    await job.begun.promise;
    const waiting = test.submit('waiting', short);
    const handedBack = expect(waiting.ended.promise).rejects.toThrow('handed back');
    await test.server.stop();
    await handedBack;
    expect(job.outputs[0]?.usage.completion_tokens).toBe(1000);
  });

  it('stopping waits for no prompt of a job that goes back', async () => {
    await start(1);
    const job = test.submit('many', [ENDLESS, short]);
    await job.begun.promise;
    const handedBack = expect(job.ended.promise).rejects.toThrow('handed back');
    await test.server.stop();
    await handedBack;
    expect(job.outputs).toEqual([]);
    expect(test.lost).toMatchObject([{ name: 'SequenceCanceled' }]);
  });
});

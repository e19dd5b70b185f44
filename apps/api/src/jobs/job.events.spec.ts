import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobView } from '#libs/contracts';
import { type JobRecord, queuedRecord } from '#libs/jobs';
import { jobSpecOf } from '#libs/testing';
import {
  endEvent,
  eventsAfter,
  eventText,
  isAtEnd,
  type JobEvent,
  type Part,
  partsOf,
  positionAfter,
  restOfText,
  textEvent,
  toldBy,
} from './job.events.js';

const PAST = { status: 'failed', error: null, startedAt: 1, endedAt: 2, end: null } as const;

interface About extends Partial<Omit<JobRecord, 'spec'>> {
  count?: number;
  many?: boolean;
}

function recordOf({ count = 4, many = true, ...about }: About = {}): JobRecord {
  return { ...queuedRecord(jobSpecOf('job_1', { count, many })), ...about };
}
const running = (about: About = {}) => recordOf({ status: 'running', startedAt: 1, ...about });
const ended = (about: About = {}) =>
  recordOf({ status: 'succeeded', startedAt: 1, endedAt: 2, ...about });

const idOf = (event: JobEvent) => /^id: (.*)$/m.exec(eventText(event))?.[1] ?? '';

/** Ids of what follows for a client that was told `last` last. */
function idsAfter(last: string | undefined, record: JobRecord, parts: Part[] = []): string[] {
  return [...eventsAfter(positionAfter(last, record), record, parts)].map(idOf);
}

describe('the status of a job', () => {
  it.each([
    ['queued', recordOf(), ['1-0']],
    ['running', running(), ['1-0', '1-1']],
    ['ended', ended(), ['1-0', '1-1']],
    ['canceled before it was started', recordOf({ status: 'canceled', endedAt: 2 }), ['1-0']],
    // A worker gave it back: it had been running all the same.
    ['queued again', recordOf({ startedAt: 1 }), ['1-0', '1-1']],
    ['in its third attempt', running({ history: [PAST, PAST] }), ['3-0', '3-1']],
  ])('is told of one that is %s', (_, record, ids) => {
    expect(idsAfter(undefined, record)).toEqual(ids);
  });

  it('says which attempt it is of', () => {
    const record = running({ history: [PAST] });
    expect([...eventsAfter(positionAfter('', record), record)].map(({ data }) => data)).toEqual([
      { id: 'job_1', status: 'queued', attempt: 2 },
      { id: 'job_1', status: 'running', attempt: 2 },
    ]);
  });
});

describe('the outputs of a job', () => {
  const parts: Part[] = [
    { from: 0, outputs: ['a', 'b'] },
    { from: 2, outputs: ['c'] },
  ];

  it('are told with how many there are', () => {
    const events = [...eventsAfter({ attempt: 1, n: 1 }, running(), parts)];
    expect(events.map(eventText)).toEqual([
      'id: 1-4\nevent: output\ndata: {"from":0,"outputs":["a","b"]}\n\n',
      'id: 1-5\nevent: progress\ndata: {"done":2,"total":4}\n\n',
      'id: 1-6\nevent: output\ndata: {"from":2,"outputs":["c"]}\n\n',
      'id: 1-7\nevent: progress\ndata: {"done":3,"total":4}\n\n',
    ]);
  });

  it.each([
    ['1-1', ['1-4', '1-5', '1-6', '1-7']],
    ['1-2', ['1-3', '1-4', '1-5', '1-6', '1-7']],
    ['1-4', ['1-5', '1-6', '1-7']],
    ['1-5', ['1-6', '1-7']],
    ['1-6', ['1-7']],
    ['1-7', []],
    ['1-9', []],
  ])('go on after %s', (last, ids) => {
    expect(idsAfter(last, running(), parts)).toEqual(ids);
  });

  it('are cut where a client has the first of a part', () => {
    const events = [...eventsAfter({ attempt: 1, n: 3 }, running(), parts)];
    expect(events[0]?.data).toEqual({ from: 1, outputs: ['b'] });
  });

  it('are not told beyond a gap', () => {
    expect(idsAfter('1-1', running(), [{ from: 1, outputs: ['b'] }])).toEqual([]);
  });

  it('are told anew in another attempt', () => {
    const record = running({ history: [PAST] });
    expect(idsAfter('1-5', record, parts).slice(0, 3)).toEqual(['2-0', '2-1', '2-4']);
    const moved = [...eventsAfter({ attempt: 1, n: 5 }, record, parts)].map(idOf);
    expect(moved.slice(0, 3)).toEqual(['2-0', '2-1', '2-4']);
  });

  it('are left out for a job of one input', () => {
    expect(idsAfter(undefined, ended({ many: false, count: 1 }), parts)).toEqual(['1-0', '1-1']);
  });

  it('come from the record once the job has ended, a hundred at a time', () => {
    const outputs = Array.from({ length: 250 }, (_, i) => i);
    const record = ended({ count: 250 });
    const told = [...partsOf({ outputs } as JobView)];
    expect(told.map((part) => part.outputs.length)).toEqual([100, 100, 50]);
    expect(idsAfter('1-1', record, told)).toEqual(
      [200, 201, 400, 401, 500, 501].map((n) => `1-${n}`),
    );
    expect([...partsOf({} as JobView)]).toEqual([]);
  });
});

describe('the text of a job', () => {
  const told = { tokens: 5, bytes: 9 };
  const at = (n: number, bytes?: number) => ({ attempt: 1, n, bytes });
  const textual = (about: About = {}) => {
    const record = running({ many: false, count: 1, ...about });
    return { ...record, spec: { ...record.spec, tellsText: true as const } };
  };
  const endedWith = (text: string, tokens: number) =>
    ({ output: { text, finish_reason: 'stop', usage: { completion_tokens: tokens } } }) as JobView;

  it('is told with the tokens before it, and has an id with the bytes up to its end', () => {
    expect(eventText(textEvent(at(1), told, 'Zwölf Bo'))).toBe(
      'id: 1-6.9\nevent: output\ndata: {"from":0,"tokens":5,"text":"Zwölf Bo"}\n\n',
    );
    const next = textEvent(at(6, 9), { tokens: 7, bytes: 13 }, 'xkä');
    expect(next).toMatchObject({ at: at(8, 13), data: { from: 5, tokens: 2, text: 'xkä' } });
  });

  it('goes on where a client was, whatever tokens it was cut into', () => {
    expect(positionAfter('1-6.9', textual())).toEqual(at(6, 9));
    expect(positionAfter('1-1', textual())).toEqual(at(1));
  });

  it.each(['1-6', '1-1.9', '1-6.0', '1-6.09', '1-end.9', '2-6.9', '1-6.9.9', '1-6.99999999999'])(
    'begins anew for one that was told %s',
    (last) => {
      expect(positionAfter(last, textual()).n).toBe(-1);
    },
  );

  it('is no position of another job', () => {
    expect(positionAfter('1-6.9', running()).n).toBe(-1);
  });

  it('comes from the record once the job has ended', () => {
    const view = endedWith('Zwölf Boxkämpfer', 8);
    expect(restOfText(at(6, 9), view)).toEqual({
      at: at(9, 18),
      type: 'output',
      data: { from: 5, tokens: 3, text: 'xkämpfer' },
    });
    expect(restOfText(at(1), view)?.data).toMatchObject({ from: 0, text: 'Zwölf Boxkämpfer' });
    expect(restOfText(at(9, 18), view)).toBeNull();
    // It has come out shorter.
    expect(restOfText(at(9, 30), view)).toBeNull();
  });

  it.each([null, 'text', { text: 1 }, { text: 'a' }])('is not there in %j', (output) => {
    expect(restOfText(at(1), { output } as JobView)).toBeNull();
  });
});

describe('the last event id', () => {
  const record = running({ history: [PAST] });

  it.each([undefined, '', '1', '2', '2-', '-1', '2-x', '2-1.5', '2--1', '2- 1', '2-01', ' 2-1'])(
    'counts for nothing where it is %p',
    (last) => {
      expect(positionAfter(last, record)).toEqual({ attempt: 2, n: -1 });
    },
  );

  it.each(['1-9', '1-end', '3-0', '3-end', '2-10', '2-999999999', '2-end', `2-${'9'.repeat(400)}`])(
    'counts for nothing where there was no such event: %p',
    (last) => {
      expect(positionAfter(last, record)).toEqual({ attempt: 2, n: -1 });
    },
  );

  it('knows the last one of all', () => {
    expect(isAtEnd(positionAfter('1-end', ended()))).toBe(true);
    expect(isAtEnd(positionAfter('1-9', ended()))).toBe(false);
    expect(positionAfter('1-2', ended({ many: false, count: 1 })).n).toBe(-1);
    expect(idOf(endEvent(ended(), {} as JobView))).toBe('1-end');
  });
});

describe('a client that comes again and again', () => {
  const COUNT = 40;
  const outputs = Array.from({ length: COUNT }, (_, i) => i);
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: COUNT }), { maxLength: 12 });

  function cut(ends: number[]): Part[] {
    const sorted = [...ends].sort((a, b) => a - b);
    return sorted.map((to, i) => {
      const from = sorted[i - 1] ?? 0;
      return { from, outputs: outputs.slice(from, to) };
    });
  }

  it('is told every output once and in order, however the parts are cut and wherever it is cut off', () => {
    // Each time other parts, as of another worker, and cut off after some events.
    const visits = fc.array(fc.tuple(cuts, fc.nat(12)), { maxLength: 8 });
    fc.assert(
      fc.property(visits, (all) => {
        const seen: JobEvent[] = [];
        const visit = (record: JobRecord, parts: Part[], most: number) => {
          const last = seen.at(-1);
          const position = positionAfter(last && idOf(last), record);
          for (const event of eventsAfter(position, record, parts)) {
            if (most-- === 0) break;
            seen.push(event);
          }
        };
        for (const [ends, most] of all) visit(running({ count: COUNT }), cut(ends), most);
        visit(ended({ count: COUNT }), [...partsOf({ outputs } as JobView)], Infinity);

        const told = seen.flatMap(({ type, data }) =>
          type === 'output' ? (data as { outputs: unknown[] }).outputs : [],
        );
        expect(told).toEqual(outputs);
        const numbers = seen.map(({ at }) => at.n);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(seen.map(({ type }) => type).filter((type) => type === 'status')).toHaveLength(2);
        for (const { at, type } of seen) if (type === 'output') expect(numbers).toContain(at.n + 1);
        expect(toldBy(seen.at(-1)?.at ?? { attempt: 1, n: 0 })).toBe(COUNT);
      }),
    );
  });
});

import { isRecord, type JobView } from '#libs/contracts';
import type { JobRecord, ToldText } from '#libs/jobs';

/**
 * The events of a job are not kept anywhere: they follow from its record and its parts, and so does the
 * number of each. Whoever knows the last number that a client was told can go on from there, in any
 * process. Within an attempt, the numbers are:
 *
 *     0       status queued
 *     1       status running
 *     2k      output, up to instance k
 *     2k + 1  progress, k instances are done
 *     end     end
 *
 * Of a job that tells its text as it is generated:
 *
 *     1 + k.b output, up to token k, which ends with byte b of the text
 */
export interface Position {
  attempt: number;
  /** Number of the last event that was told. */
  n: number;
  /** Bytes that were told of its text (UTF-8): a run that is repeated gives the same ones, but may cut them otherwise. */
  bytes?: number | undefined;
}

export interface JobEvent {
  at: Position;
  type: 'status' | 'output' | 'progress' | 'end';
  data: unknown;
}

/** Outputs of successive instances of a job. */
export interface Part {
  /** Instances before it. */
  from: number;
  outputs: unknown[];
}

const NOTHING = -1;
const QUEUED = 0;
const RUNNING = 1;
const END = Infinity;

/** Most instances of one `output` event of a job that has ended. */
const OUTPUTS_AT_ONCE = 100;

const EVENT_ID = /^([1-9]\d{0,8})-(0|[1-9]\d{0,8}|end)(?:\.([1-9]\d{0,9}))?$/;

/** Where a client is that was told `lastEventId` last: at the start, where that is no event of this attempt. */
export function positionAfter(lastEventId: string | undefined, record: JobRecord): Position {
  const { spec, history } = record;
  const start = { attempt: history.length + 1, n: NOTHING };
  const [, attempt, number, bytes] = EVENT_ID.exec(lastEventId ?? '') ?? [];
  if (Number(attempt) !== start.attempt) return start;
  const n = Number(number);
  const isText = spec.tellsText === true && n > RUNNING;
  if (isText !== (bytes !== undefined)) return start;
  if (isText) return { ...start, n, bytes: Number(bytes) };
  if (number === 'end') return record.endedAt === null ? start : { ...start, n: END };
  return n <= (spec.many ? 2 * spec.count + 1 : RUNNING) ? { ...start, n } : start;
}

/** True where a client has been told everything that there will ever be to tell of this attempt. */
export function isAtEnd({ n }: Position): boolean {
  return n === END;
}

/** Tokens that a client has been told. */
function tokensToldBy({ n }: Position): number {
  return Math.max(0, n - RUNNING);
}

/** Instances whose outputs a client has been told. */
export function toldBy({ n }: Position): number {
  return Math.max(0, Math.floor(n / 2));
}

/**
 * What follows of a job, except for its end.
 * @param parts in order; what was told of them already is left out, and nothing is told beyond a gap.
 */
export function* eventsAfter(
  last: Position,
  record: JobRecord,
  parts: Iterable<Part> = [],
): Generator<JobEvent> {
  const { spec, history, startedAt } = record;
  const attempt = history.length + 1;
  let n = last.attempt === attempt ? last.n : NOTHING;
  const event = (number: number, type: JobEvent['type'], data: unknown): JobEvent => {
    n = number;
    return { at: { attempt, n }, type, data };
  };
  const progress = (done: number) => event(2 * done + 1, 'progress', { done, total: spec.count });

  if (n < QUEUED) yield event(QUEUED, 'status', { id: spec.id, status: 'queued', attempt });
  if (n < RUNNING && startedAt !== null)
    yield event(RUNNING, 'status', { id: spec.id, status: 'running', attempt });
  if (!spec.many || isAtEnd({ attempt, n })) return;
  let done = toldBy({ attempt, n });
  if (n === 2 * done && done > 0) yield progress(done);
  for (const { from, outputs } of parts) {
    if (from > done) return;
    const fresh = outputs.slice(done - from);
    if (fresh.length === 0) continue;
    const to = done + fresh.length;
    yield event(2 * to, 'output', { from: done, outputs: fresh });
    yield progress(to);
    done = to;
  }
}

/** What is new of the text of a job. @param told how far that goes. */
export function textEvent(last: Position, told: ToldText, text: string): JobEvent {
  const { attempt } = last;
  const from = tokensToldBy(last);
  const at = { attempt, n: RUNNING + told.tokens, bytes: told.bytes };
  return { at, type: 'output', data: { from, tokens: Math.max(0, told.tokens - from), text } };
}

/** The rest of the text of a job that has ended; null where there is none. */
export function restOfText(last: Position, { output }: JobView): JobEvent | null {
  if (!isGenerated(output)) return null;
  const bytes = Buffer.from(output.text);
  const rest = bytes.subarray(last.bytes ?? 0).toString();
  const told = { tokens: output.usage.completion_tokens, bytes: bytes.length };
  return rest === '' ? null : textEvent(last, told, rest);
}

/** The outputs of a job that has ended, in parts. */
export function* partsOf({ outputs }: JobView): Generator<Part> {
  const all = outputs ?? [];
  for (let from = 0; from < all.length; from += OUTPUTS_AT_ONCE) {
    yield { from, outputs: all.slice(from, from + OUTPUTS_AT_ONCE) };
  }
}

export function endEvent({ history }: JobRecord, view: JobView): JobEvent {
  return { at: { attempt: history.length + 1, n: END }, type: 'end', data: view };
}

/** The event as it goes over the line. JSON has no raw newline, so that one `data` line will do. */
export function eventText({ at: { attempt, n, bytes }, type, data }: JobEvent): string {
  const id = `${attempt}-${n === END ? 'end' : n}${bytes === undefined ? '' : `.${bytes}`}`;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function isGenerated(
  output: unknown,
): output is { text: string; usage: { completion_tokens: number } } {
  return isRecord(output) && typeof output['text'] === 'string' && isRecord(output['usage']);
}
